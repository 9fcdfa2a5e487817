"""Commands as a person mistypes them: any words, any numbers, files that are not what they should be."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from click.testing import CliRunner

from qbwc_server.cli.root import root
from qbwc_server.store import parties
from tests.fuzz.mutations import PIECES, corpus, mutated
from tests.fuzz.readers import SECRET
from tests.logs_kept import logs_kept
from tests.rows import COMPANY, CONNECTION, ORGANISATION, like
from tests.soap.shop import Clock, make_home, open_home, promote

# Those that serve, call a CRM in earnest, or make files anywhere are no business of a stranger's words.
GROUPS: Final = ("company", "connection", "qwc", "batch", "job", "link", "conflict", "mapping", "log")
OUR_FAULT: Final = 70
KINDS_OF_FILES: Final = ("credentials", "credentials", "override", "settings", "answer")


class Desk:
    """A home with one company and a connection that leads nowhere; and the words that mean something there."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.home = make_home(place / "home")
        installation = open_home(self.home, Clock())
        now = installation.clock()
        sealed = installation.keys.seal(json.dumps({"consumer_key": "key", "consumer_secret": SECRET}))
        with installation.database.write() as tx:
            parties.add_company(tx, like(COMPANY, password_hash="", created_at=now))
            url = "http://127.0.0.1:1"
            parties.add_organisation(tx, like(ORGANISATION, url=url, credentials=sealed, created_at=now))
            parties.add_connection(tx, like(CONNECTION, created_at=now))
        promote(installation, "Ann", "Bob")
        installation.close()
        self.words = (COMPANY.name, CONNECTION.name, "account", "001Ann", "Ann", "S1", "1", "0", "-1", "salesforce",
                      "kinds.account.mode", "limits.creates", "settings.income_account", "off", "America/New_York",
                      "https://acme.my.salesforce.com", "http://127.0.0.1:1", "books", "crm", "all")  # fmt: skip
        self.commands = list(_commands())

    def type(self, chance: random.Random) -> None:
        """One line; the answer is a listing, a sentence or a question, never a trace."""
        words = self._line(chance)
        self.run(words, mutated(chance, corpus(chance.choice(KINDS_OF_FILES))) if "-" in words else b"\n")

    def run(self, words: Sequence[str], typed: bytes = b"\n") -> None:
        """Type these words, then what the command asks for. AssertionError, or its own, when it fails inside."""
        with logs_kept():
            result = CliRunner().invoke(root, ["--home", str(self.home), *words], input=typed)
        assert result.exit_code != OUR_FAULT, f"{words}: {result.output}"
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output, f"{words}: {result.output}"
        assert SECRET not in result.output, f"{words}: {result.output}"

    def _line(self, chance: random.Random) -> list[str]:
        path, command = chance.choice(self.commands)
        words = list(path)
        for one in command.params:
            if isinstance(one, click.Argument):
                words += [self._value(chance, one)] * chance.choice((1, 1, 1, 1, 1, 0, 2))
            elif chance.random() < 0.5:
                words.append(one.opts[0])
                words += [] if one.is_flag else [self._value(chance, one)]
        return words

    def _value(self, chance: random.Random, one: click.Parameter) -> str:
        choices = getattr(one.type, "choices", ())
        if choices and chance.random() < 0.8:
            return str(chance.choice(list(choices)))
        if isinstance(one.type, click.File):
            return "-"  # click leaves a file open when a later word is wrong
        if isinstance(one.type, click.Path) and chance.random() < 0.8:
            return self._file(chance)
        said = [*self.words] * 3 + [piece.decode("utf-8", "surrogateescape") for piece in PIECES]
        return chance.choice(said).replace("\0", "")[:5000]

    def _file(self, chance: random.Random) -> str:
        if chance.random() < 0.1:
            return str(self.place / chance.choice(("absent", "home", "")))
        path = self.place / "given"
        path.write_bytes(mutated(chance, corpus(chance.choice(KINDS_OF_FILES)), most=2))
        return str(path)


def _commands() -> Iterator[tuple[Sequence[str], click.Command]]:
    context = click.Context(root)
    for name in GROUPS:
        found = root.get_command(context, name)
        assert found is not None
        yield from _below(found, (name,))


def _below(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[Sequence[str], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, one in command.commands.items():
        yield from _below(one, (*path, name))
