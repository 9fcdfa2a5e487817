"""Small calls and idle visits: against a server that does nothing, and against the number of stored records."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import stored
from tests.bench.connector import Call, Connector, Line, again, seconds_of
from tests.bench.figures import Figure
from tests.bench.installations import Fresh, Installations
from tests.bench.large import NAMES
from tests.bench.processes import Server, serving
from tests.bench.sizes import Sizes, in_time

# The greetings of a visit touch no database; the headline is about calls with their transaction.
GREETINGS = ("serverVersion", "clientVersion")


@dataclass(frozen=True)
class Guest:
    """A Web Connector at a running server."""

    server: Server
    connector: Connector


@contextmanager
def _guest(home: Path, *more: str) -> Iterator[Guest]:
    with serving(home, *more) as server, Line(server.port) as line:
        yield Guest(server, Connector(line))


def _filled(stack: ExitStack, installations: Installations, kind: str, records: int) -> Fresh:
    fresh = stack.enter_context(installations.fresh(kind))
    with fresh.database() as database:
        stored.fill(database, records)
    return fresh


# --- small calls ---


@dataclass(frozen=True)
class Round:
    """Calls to the product, each followed by the same bytes to the server that does nothing."""

    calls: tuple[Call, ...]
    nothing: tuple[float, ...]
    cpu_seconds: float = 0.0
    nothing_cpu_seconds: float = 0.0

    def only(self, wanted: Callable[[str], bool]) -> Round:
        kept = [
            (one, other) for one, other in zip(self.calls, self.nothing, strict=True) if wanted(one.method)
        ]
        return Round(tuple(one for one, _ in kept), tuple(other for _, other in kept))

    @property
    def ratio(self) -> float:
        """Calls per second, as a share of what the other does."""
        return sum(self.nothing) / seconds_of(self.calls)

    @property
    def microseconds(self) -> float:
        return seconds_of(self.calls) / len(self.calls) * 1e6


def _round(product: Guest, idle: Guest, work: Callable[[], Sequence[Call]], times: int) -> Round:
    calls: list[Call] = []
    nothing: list[float] = []
    before, idle_before = product.server.cpu_seconds(), idle.server.cpu_seconds()
    for _ in range(times):
        made = work()
        calls += made
        nothing += [again(idle.connector.line, [one]) for one in made]
    used, idle_used = product.server.cpu_seconds() - before, idle.server.cpu_seconds() - idle_before
    return Round(tuple(calls), tuple(nothing), used, idle_used)


def small_calls(installations: Installations, sizes: Sizes) -> Iterator[Figure]:
    """Idle visits, getLastError, and login with goodbye, each beside the server that does nothing."""
    kind = installations.databases[0]
    with ExitStack() as stack:
        fresh = _filled(stack, installations, kind, sizes.few_records)
        product, idle = (
            stack.enter_context(_guest(fresh.home)),
            stack.enter_context(_guest(fresh.home, "--nothing")),
        )
        visits = _rounds(product, idle, product.connector.visit, sizes.visits, sizes)
        logins = _rounds(product, idle, lambda: _login(product.connector), sizes.calls, sizes)
        product.connector.authenticate()
        errors = _rounds(product, idle, lambda: _last_error(product.connector), sizes.calls, sizes)
    yield from _visit_figures(visits, sizes.visits, NAMES[kind])
    yield _compared("getLastError", errors)
    yield _compared("authenticate + closeConnection", logins)


def _rounds(
    product: Guest, idle: Guest, work: Callable[[], Sequence[Call]], times: int, sizes: Sizes
) -> list[Round]:
    _round(product, idle, work, 2)  # the first calls of a server load what they need
    return [_round(product, idle, work, times) for _ in in_time(sizes.rounds, sizes.small_seconds)]


def _login(connector: Connector) -> list[Call]:
    before = len(connector.calls)
    connector.authenticate()
    connector.close()
    return connector.calls[before:]


def _last_error(connector: Connector) -> list[Call]:
    connector.get_last_error()
    return connector.calls[-1:]


def _visit_figures(visits: list[Round], times: int, database: str) -> Iterator[Figure]:
    stored_calls = [one.only(lambda method: method not in GREETINGS) for one in visits]
    yield _compared(
        "small calls of an idle visit", stored_calls, f"on {database}; 1 is a server that does nothing"
    )
    yield _compared("all calls of an idle visit", visits, "with the two greetings, which touch no database")
    for method in ("authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection"):
        yield _compared(method, [one.only(lambda name, method=method: name == method) for one in visits])  # type: ignore[misc]
    yield Figure(
        "server CPU of a call", "us", tuple(one.cpu_seconds / len(one.calls) * 1e6 for one in visits)
    )
    of_nothing = tuple(one.nothing_cpu_seconds / len(one.calls) * 1e6 for one in visits)
    yield Figure("server CPU of a call, doing nothing", "us", of_nothing)
    milliseconds = tuple(seconds_of(one.calls) / times * 1e3 for one in visits)
    calls = len(visits[0].calls) / times
    yield Figure("idle visit", "ms", milliseconds, f"{calls:g} calls, on {database}")


def _compared(name: str, rounds: list[Round], note: str = "") -> Figure:
    each = f"{statistics.median(one.microseconds for one in rounds):.0f} us a call"
    return Figure(name, "x", tuple(one.ratio for one in rounds), "; ".join(filter(None, (each, note))))


# --- many records ---


def many_records(installations: Installations, sizes: Sizes) -> Iterator[Figure]:
    """Idle visits over few and over many stored records, in turns, on each database."""
    with ExitStack() as stack:
        few = {
            kind: _filled(stack, installations, kind, sizes.few_records) for kind in installations.databases
        }
        with ThreadPoolExecutor(len(few)) as pool:  # the databases work, not this process
            filled = {
                kind: pool.submit(_filled, stack, installations, kind, sizes.many_records) for kind in few
            }
        for kind in few:
            with _guest(few[kind].home) as small, _guest(filled[kind].result().home) as big:
                yield from _grown(NAMES[kind], small, big, sizes)


def _grown(name: str, small: Guest, big: Guest, sizes: Sizes) -> Iterator[Figure]:
    _turns(small, big, 2)
    rounds = [_turns(small, big, sizes.visits) for _ in in_time(sizes.rounds, sizes.small_seconds)]
    note = f"{sizes.many_records:,} records; 1 is {sizes.few_records:,} records"
    for place, what in enumerate(("time", "CPU")):
        ratios = tuple(after[place] / before[place] for before, after in rounds if before[place])
        figure = f"idle visit, many records, {name}, {what}"
        yield Figure(figure, "x", ratios, note if ratios else "too little CPU time to be counted")


Cost = tuple[float, float]
"""Median seconds of a visit, and CPU seconds of the server for one."""


def _turns(small: Guest, big: Guest, times: int) -> tuple[Cost, Cost]:
    guests = (small, big)
    seconds: tuple[list[float], list[float]] = ([], [])
    before = [one.server.cpu_seconds() for one in guests]
    for number in range(times):
        for place in (0, 1) if number % 2 else (1, 0):
            seconds[place].append(seconds_of(guests[place].connector.visit()))
    used = [one.server.cpu_seconds() - at for one, at in zip(guests, before, strict=True)]
    return (
        (statistics.median(seconds[0]), used[0] / times),
        (statistics.median(seconds[1]), used[1] / times),
    )


def profile(installations: Installations, sizes: Sizes, file: Path) -> None:
    """Leave in `file` where the time of idle visits went."""
    kind = installations.databases[0]
    with ExitStack() as stack:
        fresh = _filled(stack, installations, kind, sizes.few_records)
        guest = stack.enter_context(_guest(fresh.home, "--profile", str(file)))
        for _ in range(sizes.visits):
            guest.connector.visit()
        guest.server.page()
