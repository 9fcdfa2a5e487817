"""Whether a company's Web Connector still calls: it does so only while it is open on the QuickBooks PC.

The interval is kept when a .qwc file is printed with one (`qwc --every`), because the Web Connector never says it.
"""

from datetime import datetime, timedelta
from typing import Final

from qbwc_server.store.rows import Company

# Visits that may be missed: one falls out when the PC restarts, two when somebody works in single-user mode.
MISSED: Final = 3
# Where no interval is known.
UNKNOWN: Final = timedelta(days=1)
TO_DO: Final = (
    "Is the QuickBooks PC on, its user logged in, the Web Connector open, and Auto-Run ticked in it? "
    "If it runs at another interval: qbwc-server qwc COMPANY --every MINUTES"
)


def patience(company: Company) -> timedelta:
    """How long a company may be silent before somebody should look."""
    minutes = company.visit_minutes
    return timedelta(minutes=minutes * MISSED) if minutes else UNKNOWN


def silence(company: Company, now: datetime) -> str:
    """That no visit came for too long, in a sentence; "" while all is well, and before the first visit."""
    last = company.last_visit_at
    if last is None or now - last <= patience(company):
        return ""
    minutes = company.visit_minutes
    due = f"one every {minutes} minutes is due" if minutes else "nobody said how often one is due"
    return f"no update for {spoken(now - last)}, and {due}"


def spoken(span: timedelta) -> str:
    """A time in its largest unit: "3 hours"."""
    units = ((86400, "day"), (3600, "hour"), (60, "minute"))
    seconds = int(span.total_seconds())
    size, name = next(((size, name) for size, name in units if seconds >= size), (60, "minute"))
    number = seconds // size
    return f"{number} {name}{'' if number == 1 else 's'}"
