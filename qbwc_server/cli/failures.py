"""Every error that a command may meet, as one sentence with its next step and an exit code."""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from crm.errors import CrmError
from qbwc_server.errors import Problem
from qbwc_server.mapping import MappingError
from qbwc_server.secrets import SecretsUnusable
from qbwc_server.simulator import SimulatorError
from qbwc_server.soap.qwc import QwcRefused
from qbwc_server.store.job_states import IllegalMove


class Failure(click.ClickException):
    """A sentence on standard error; exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=file is None, file=file)


class OurFault(Failure):
    """An error that nobody foresaw."""

    exit_code = 70  # sysexits: an internal software error


def _file_trouble(error: Any) -> str:
    if not error.filename:
        return f"The system refuses it: {error.strerror or error}."
    reason = (error.strerror or type(error).__name__).lower()
    return f"{error.filename}: {reason}. Check the path and who may use it."


def _database_trouble(error: Any) -> str:
    reason = str(error.orig).strip().splitlines()[0]
    return (
        f"The database does not answer: {reason}. Check that it runs and that QBWC_DATABASE_URL or settings.toml "
        "names it, then try again."
    )


# Looked through from top to bottom: the first class that fits speaks.
SENTENCES: tuple[tuple[type[Exception], Callable[[Any], str]], ...] = (
    (Problem, lambda error: error.text),
    (MappingError, lambda error: "The mapping cannot be used. " + " ".join(error.problems)),
    (QwcRefused, str),
    (CrmError, str),
    (SecretsUnusable, str),
    (SimulatorError, str),
    (IllegalMove, lambda error: f"This cannot be done: {error}."),
    (OperationalError, _database_trouble),
    (DatabaseError, _database_trouble),
    (OSError, _file_trouble),
)


def failure_of(error: Exception) -> Failure:
    """What to tell a person; an error that nobody foresaw is ours and says so."""
    for shape, sentence in SENTENCES:
        if isinstance(error, shape):
            return Failure(sentence(error))
    return OurFault(
        f"This should not happen ({type(error).__name__}: {error}). Run the command again with --debug and "
        "report what it prints."
    )
