"""When what failed is tried again, and when that ends: one table, by class of trouble.

A refusal by the record's data is none of these: it waits for its record to change. What QuickBooks may have carried out
is none either: it is asked about and proven first (`from_books.probing`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

JITTER: Final = 0.2  # of a pause, so that what failed together is not tried together


@dataclass(frozen=True)
class Policy:
    """The pause after each failure, the last one repeated, and after how many in a row a person looks (None: never)."""

    trouble: str
    pauses: tuple[timedelta, ...]
    most: int | None = None


def _minutes(*some: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=one) for one in some)


LOCKED = Policy(
    "another user or program works with the record or its list in QuickBooks",
    _minutes(5, 10, 30, 60),
    most=24,
)
MOVING = Policy("the record moves in QuickBooks between reading and writing", _minutes(10, 30, 60), most=12)
ABSENT = Policy("a creation was sent and is not in QuickBooks, by proof", _minutes(0), most=5)
AWAY = Policy("the CRM does not answer, or takes no more for now", _minutes(0.5, 2, 10, 60))
LOGIN = Policy("the CRM's login or permission must be mended by a person", _minutes(15))
OWN_FAULT = Policy("a fault of this program kept one record back", _minutes(60), most=24)

POLICIES: Final[tuple[Policy, ...]] = (LOCKED, MOVING, ABSENT, AWAY, LOGIN, OWN_FAULT)

# Actions of qbXML statuses (qbxml.next_step) that mean "later".
OF_STATUS: Final[Mapping[str, Policy]] = {"retry": LOCKED, "reread": MOVING}


def next_try(policy: Policy, failures: int, now: datetime, key: str) -> datetime | None:
    """When to try again after so many failures in a row, at least one; None when a person must look first.

    The same failure of the same job (`key`) always gets the same moment, a fifth earlier or later than the table says.
    """
    if policy.most is not None and failures >= policy.most:
        return None
    pause = policy.pauses[min(failures, len(policy.pauses)) - 1]
    share = zlib.crc32(f"{key} {failures}".encode()) / 0xFFFFFFFF
    return now + pause * (1 + JITTER * (2 * share - 1))
