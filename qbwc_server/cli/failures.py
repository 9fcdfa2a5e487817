"""Every error that a command may meet, as one sentence with its next step and an exit code."""

from collections.abc import Callable, Mapping
from typing import Any

import click


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


def _mapping_trouble(error: Any) -> str:
    return "The mapping cannot be used. " + " ".join(error.problems)


def _database_trouble(error: Any) -> str:
    reason = str(error.orig).strip().splitlines()[0]
    return (
        f"The database does not answer: {reason}. Check that it runs and that QBWC_DATABASE_URL or settings.toml "
        "names it, then try again."
    )


def _no_text(error: Any) -> str:
    return f"{error.object[:40]!a} holds bytes that are no text in UTF-8. Correct it."


# By the class's full name, so that nothing is imported for an error that cannot have happened.
SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "qbwc_server.errors.Problem": lambda error: error.text,
    "qbwc_server.mapping.errors.MappingError": _mapping_trouble,
    "qbwc_server.soap.qwc.QwcRefused": str,
    "crm.errors.CrmError": str,
    "qbwc_server.secrets.SecretsUnusable": str,
    "qbwc_server.simulator.errors.SimulatorError": str,
    "qbwc_server.store.job_states.IllegalMove": lambda error: f"This cannot be done: {error}.",
    "sqlalchemy.exc.DatabaseError": _database_trouble,
    "builtins.OSError": _file_trouble,
    "builtins.UnicodeEncodeError": _no_text,
}


def failure_of(error: Exception) -> Failure:
    """What to tell a person; an error that nobody foresaw is ours and says so."""
    for shape in type(error).__mro__:
        sentence = SENTENCES.get(f"{shape.__module__}.{shape.__qualname__}")
        if sentence is not None:
            return Failure(sentence(error))
    return OurFault(
        f"This should not happen ({type(error).__name__}: {error}). Run the command again with --debug and "
        "report what it prints."
    )
