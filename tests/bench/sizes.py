"""How much is measured: the real thing, and a tiny one that shows in seconds that the benchmark itself works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    rounds: int = 5
    # 34 MB and 100 MB of SOAP body.
    customers: int = 10_000
    many_customers: int = 29_200
    # Rounds begin within this time, the first one always: a busy machine makes fewer rounds, not a longer wait.
    large_seconds: float = 90.0
    small_seconds: float = 15.0
    # Of each side in a round.
    visits: int = 25
    calls: int = 60
    few_records: int = 1_000
    many_records: int = 1_000_000
    # Of each side of a first sync, a third of them on both; and the invoices in QuickBooks.
    partners: int = 2_000
    invoices: int = 1_000
    # Customers entered into a simulated company file.
    few_seeded: int = 10_000
    many_seeded: int = 100_000
    # Of each side of a trial, which tells whether a sync of the above is over in time.
    trial_partners: int = 100


QUICK = Sizes(
    rounds=1,
    customers=40,
    many_customers=60,
    visits=2,
    calls=4,
    few_records=20,
    many_records=200,
    partners=20,
    invoices=10,
    few_seeded=20,
    many_seeded=40,
    trial_partners=20,
)


def in_time(rounds: int, seconds: float) -> Iterator[int]:
    """The numbers of the rounds that begin in time."""
    until = time.monotonic() + seconds
    for number in range(rounds):
        if number and time.monotonic() > until:
            return
        yield number
