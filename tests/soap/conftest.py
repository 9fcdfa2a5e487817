"""`soap_world`: builds a world of worlds.md and reaches it as a WSGI callable or over a socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from qbwc_server.app import Installation
from qbwc_server.soap import front
from qbwc_server.soap.scan import Scan
from tests.databases import Databases
from tests.soap.golden_format import World, WorldMaker
from tests.soap.served import NAMED_IN, web_of
from tests.soap.shop import (
    ELSEWHERE,
    Caller,
    Clock,
    QuickBooks,
    add_shop,
    copy_home,
    make_home,
    open_home,
    operations,
)
from tests.soap.wire_paths import through_tcp, through_wsgi
from tests.soap.worlds import REACTIONS, ShopWorld, broken_method, build

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> None:
    """Settings of whoever runs the tests are not ours."""
    for name in [name for name in os.environ if name.startswith("QBWC_") and name != "QBWC_REQUIRE"]:
        del os.environ[name]


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("installation") / "empty")


class Prepared:
    """Each world is prepared once and copied for each case: that is how a case stays short."""

    def __init__(self, empty_home: Path, place: Path) -> None:
        self._empty_home, self._place = empty_home, place
        self._made: dict[str, dict[str, str]] = {}

    def copy(self, name: str, home: Path) -> dict[str, str]:
        """A fresh copy of the world at `home`; what the world tells about itself."""
        known = "work" if broken_method(name) else name
        if known not in self._made:
            self._made[known] = build(known, copy_home(self._empty_home, self._place / known))
        copy_home(self._place / known, home)
        return self._made[known]


@pytest.fixture(scope="session")
def prepared(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(empty_home, tmp_path_factory.mktemp("worlds"))


@dataclass(frozen=True)
class Gunicorn:
    """The product's own way of serving, on a free port of this machine."""

    address: tuple[str, int]
    named_in: Path

    def serve(self, home: Path, broken: str) -> None:
        """From the next request on, this installation is served."""
        fresh = self.named_in.with_suffix(".new")
        fresh.write_text(json.dumps({"home": str(home), "broken": broken}))
        fresh.replace(self.named_in)


@pytest.fixture(scope="session")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    place = tmp_path_factory.mktemp("gunicorn")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = Gunicorn(listening.getsockname()[:2], place / "world.json")
        process = _start_gunicorn(place, listening, serving)
        try:
            yield serving
        finally:
            process.terminate()
            process.wait(30)


def _start_gunicorn(place: Path, listening: socket.socket, serving: Gunicorn) -> subprocess.Popen[bytes]:
    number = listening.fileno()
    command = [sys.executable, "-m", "tests.soap.served", str(number)]
    environ = os.environ | {NAMED_IN: str(serving.named_in), "PYTHONPATH": str(ROOT)}
    with (place / "log.txt").open("wb") as log:
        return subprocess.Popen(
            command, cwd=place, env=environ, pass_fds=[number], stdout=log, stderr=subprocess.STDOUT
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Over a socket, and through spyne, a case runs on SQLite only: what they add does not depend on the database."""
    elsewhere = {("path", "tcp"), ("path", "spyne")}
    spared = [
        item
        for item in items
        if ("database_kind", "postgresql") in _parameters(item) and _parameters(item) & elsewhere
    ]
    if spared:
        config.hook.pytest_deselected(items=spared)
        items[:] = [item for item in items if item not in spared]


def _parameters(item: pytest.Item) -> set[tuple[str, str]]:
    found = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return {(name, value) for name, value in found.items() if isinstance(value, str)}


@contextmanager
def stored_in(databases: Databases, home: Path) -> Iterator[None]:
    """The installation in `home`, which holds nothing yet, has its data in a database of this kind."""
    with databases.migrated(home) as url:
        settings = home / "settings.toml"
        text = settings.read_text()
        settings.write_text(text.replace('database_url = ""', f"database_url = {json.dumps(url)}"))
        yield


class Odd(Scan):
    """Finds something odd about every call, so that the SOAP library has to judge it."""

    def close(self) -> None:
        super().close()
        self.odd = True


@pytest.fixture
def soap_world(
    tmp_path: Path,
    prepared: Prepared,
    empty_home: Path,
    databases: Databases,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WorldMaker]:
    ends = ExitStack()

    def copied(name: str, home: Path) -> Mapping[str, str]:
        if databases.kind == "sqlite":
            return prepared.copy(name, home)
        ends.enter_context(stored_in(databases, copy_home(empty_home, home)))
        return build("work" if broken_method(name) else name, home)

    def make(name: str, path: str = "wsgi") -> World:
        home = tmp_path / f"{name}-{path}"
        values = copied(name, home)
        installation, web = web_of(home, broken_method(name))
        if path == "tcp":
            server: Gunicorn = request.getfixturevalue("gunicorn")
            server.serve(home, broken_method(name))
            send = partial(through_tcp, server.address)
        else:
            if path == "spyne":
                monkeypatch.setattr(front, "Scan", Odd)
                monkeypatch.setattr(front, "FOR_SPYNE", 100_000_000)
            send = partial(through_wsgi, web)
        react = {"react": REACTIONS[name]} if name in REACTIONS else {}
        return ShopWorld(installation, values, send, **react)

    with ends:
        yield make


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path, empty_home: Path, databases: Databases) -> Iterator[Path]:
    """The home of an installation without a company."""
    home = copy_home(empty_home, tmp_path / "home")
    with stored_in(databases, home):
        yield home


@pytest.fixture
def installation(home: Path, clock: Clock) -> Iterator[Installation]:
    """An installation with the company `shop`, connected and never visited, whose time passes when told to."""
    opened = open_home(home, clock)
    add_shop(opened)
    yield opened
    opened.close()


@pytest.fixture
def caller(installation: Installation) -> Caller:
    """The Web Connector of the shop, at the port that the SOAP layer calls."""
    return Caller(operations(installation))


@pytest.fixture
def elsewhere(installation: Installation) -> Caller:
    """The Web Connector of another PC with the same credentials."""
    return Caller(operations(installation), address=ELSEWHERE)


@pytest.fixture
def books(tmp_path: Path, clock: Clock) -> Iterator[QuickBooks]:
    opened = QuickBooks(tmp_path / "right.qbw", clock)
    yield opened
    opened.company.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    """QuickBooks is read in pages of so many customers."""
    size = 5
    monkeypatch.setattr("qbwc_server.sync.from_books.reading.PAGE_SIZE", size)
    monkeypatch.setattr("qbwc_server.sync.visit.PAGE_SIZE", size)
    return size
