"""A large answer: how fast it is stored, against what lxml alone needs for its bytes, and how much memory it takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.connector import Connector, Failed, Line
from tests.bench.customers import answer_of, wrong_records
from tests.bench.figures import Figure
from tests.bench.installations import Fresh, Installations
from tests.bench.processes import ROOT, DidNotStart, Server, Watch, serving
from tests.bench.sizes import Sizes, in_time

FLOOR_SECONDS = 120
NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


class Void(Exception):
    """The measurement proves nothing; the text says why."""


@dataclass(frozen=True)
class Taken:
    """One large answer that was acknowledged, and is in the database as it was sent."""

    body: bytes
    seconds: float
    cpu_seconds: float


@dataclass
class _Side:
    """What one database showed over the rounds."""

    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    void: str = ""


@contextmanager
def _asked(installations: Installations, kind: str) -> Iterator[tuple[Fresh, Server, Connector, str]]:
    """A fresh server that has just asked for customers; with the request."""
    with installations.fresh(kind) as fresh, serving(fresh.home) as server, Line(server.port) as line:
        connector = Connector(line)
        yield fresh, server, connector, connector.visit_until_customers_are_asked()


def take(installations: Installations, kind: str, customers: int) -> Taken:
    """Post so many customers to a fresh server. Raises Void unless all are stored with the right values."""
    try:
        with _asked(installations, kind) as (fresh, server, connector, request):
            body = connector.receive_body(answer_of(request, customers))
            before = server.cpu_seconds()
            _acknowledged(connector, body)
            cpu = server.cpu_seconds() - before
            _all_stored(fresh, customers)
            return Taken(body, connector.calls[-1].seconds, cpu)
    except (Failed, DidNotStart) as failed:
        raise Void(str(failed)) from failed


def _acknowledged(connector: Connector, body: bytes) -> None:
    percent = connector.receive(body)
    if percent < 0:
        raise Failed(f"receiveResponseXML: {percent}: {connector.get_last_error()}")


def _all_stored(fresh: Fresh, customers: int) -> None:
    wrong = wrong_records(fresh.customers(), customers)
    if wrong:
        raise Void(f"{len(wrong)} of {customers} customers are not stored as sent: {wrong[0]}")


def floor_seconds(body: bytes, customers: int) -> float:
    """What two lxml trees of the same bytes take in a fresh process. Raises Void when they see other customers."""
    with tempfile.NamedTemporaryFile(prefix="qbwc-bench-") as file:
        file.write(body)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.floor", file.name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=FLOOR_SECONDS,
            check=True,
        )
    seconds, seen = done.stdout.split()
    if int(seen) != customers:
        raise Void(f"lxml saw {seen} of {customers} customers")
    return float(seconds)


def speed(installations: Installations, sizes: Sizes) -> Iterator[Figure]:
    """In every round each database takes the answer, and lxml parses it; who begins, changes from round to round."""
    sides = {kind: _Side() for kind in installations.databases}
    floors: list[float] = []
    megabytes = 0.0
    for number in in_time(sizes.rounds, sizes.large_seconds):
        kinds = [kind for kind in sides if not sides[kind].void]
        taken = _round(installations, sizes.customers, kinds[:: -1 if number % 2 else 1], sides)
        if not taken:
            break
        body = next(iter(taken.values())).body
        megabytes = len(body) / 1e6
        floors.append(floor_seconds(body, sizes.customers))
        for kind, one in taken.items():
            sides[kind].ratios.append(floors[-1] / one.seconds)
            sides[kind].seconds.append(one.seconds)
            sides[kind].cpu.append(one.cpu_seconds)
    for kind, side in sides.items():
        yield from _figures(NAMES[kind], side, megabytes)
    yield Figure("two bare lxml trees", "MB/s", tuple(megabytes / one for one in floors))


def _round(
    installations: Installations, customers: int, kinds: list[str], sides: dict[str, _Side]
) -> dict[str, Taken]:
    taken = {}
    for kind in kinds:
        try:
            taken[kind] = take(installations, kind, customers)
        except Void as void:
            sides[kind] = _Side(void=str(void))
    return taken


def _figures(name: str, side: _Side, megabytes: float) -> Iterator[Figure]:
    note = f"{megabytes:.1f} MB on the wire, stored and acknowledged; 1 is two bare lxml trees"
    yield Figure(f"large answer, {name}", "x", tuple(side.ratios), side.void or note)
    if not side.void:
        yield Figure(f"large answer, {name}, speed", "MB/s", tuple(megabytes / one for one in side.seconds))
        yield Figure(f"large answer, {name}, server CPU", "s", tuple(side.cpu))


def memory(installations: Installations, sizes: Sizes) -> Iterator[Figure]:
    """The peak of the server's processes while they take an answer in, over what they held just before."""
    kind = installations.databases[0]
    for label, customers in (("34 MB", sizes.customers), ("100 MB", sizes.many_customers)):
        name = f"memory over rest, {label}"
        try:
            watch, megabytes = _watched(installations, kind, customers)
        except (Void, Failed, DidNotStart) as void:
            yield Figure(name, "MB", (), str(void))
            continue
        note = (
            f"RSS of all processes; {watch.rest.rss:.0f} MB at rest; PSS +{watch.growth.pss:.1f} MB; "
            f"body of {megabytes:.1f} MB on {NAMES[kind]}; {watch.looks} looks"
        )
        yield Figure(name, "MB", (watch.growth.rss,), note)


def _watched(installations: Installations, kind: str, customers: int) -> tuple[Watch, float]:
    with _asked(installations, kind) as (fresh, server, connector, request):
        body = connector.receive_body(answer_of(request, customers))
        with Watch(server.pid) as watch:
            _acknowledged(connector, body)
        _all_stored(fresh, customers)
        return watch, len(body) / 1e6


def profile(installations: Installations, sizes: Sizes, file: Path) -> None:
    """Leave in `file` where a large answer's time went. Raises Failed when it is not taken."""
    kind = installations.databases[0]
    with installations.fresh(kind) as fresh, serving(fresh.home, "--profile", str(file)) as server:
        with Line(server.port) as line:
            connector = Connector(line)
            request = connector.visit_until_customers_are_asked()
            _acknowledged(connector, connector.receive_body(answer_of(request, sizes.customers)))
        server.page()
