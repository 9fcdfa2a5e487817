"""What faults do to the company file itself: backups restored, copies opened, the clock put wrong.

They act at two moments: before a connection is made, and before a message set is executed.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from qbwc_server.simulator.errors import ProcessError, SimulatorError
from qbwc_server.simulator.faults import CLOCK_OFFSET
from qbwc_server.simulator.hresults import message_of

if TYPE_CHECKING:
    from qbwc_server.simulator.company.books import Books
    from qbwc_server.simulator.company.file import CompanyFile

SESSION_LOST = "0x8004040D"
# A request that leaves something behind in the file.
_WRITES = re.compile(r"<\w+(?:Add|Mod|Del|Void|Merge)Rq\b")
_HALF_AN_HOUR = timedelta(minutes=30)
_A_YEAR_AND_MORE = 400 * 48
# What belongs to the PC and not to the file: a restored backup does not bring it back.
_OF_THE_PC = ("fault",)


def before_session(company: CompanyFile, books: Books) -> None:
    """A backup was restored since the last run."""
    refresh_clock(books)
    armed = company.faults.take("restored_backup")
    if not company.faults.waits_for("restored_backup") and not armed:
        shutil.rmtree(_folder(books), ignore_errors=True)
    if armed:
        company.end_all_sessions()
        restore(books, _backup_before(books, armed["sets"]))


def before_set(company: CompanyFile, books: Books, document: str) -> None:
    """Raises ProcessError when QuickBooks was restarted; moves the clock; backs up before a set that writes."""
    if company.faults.take("session_lost", document):
        company.end_all_sessions()
        raise ProcessError(SESSION_LOST, message_of(SESSION_LOST))
    _move_clock(company, books, document)
    if _WRITES.search(document) and company.faults.waits_for("restored_backup"):
        back_up(books)


def open_instead(company: CompanyFile) -> CompanyFile | None:
    """The other file that is open in QuickBooks now, None when it is the right one. The caller closes it."""
    copied = company.faults.take("copied_file")
    if copied:
        return _copy_opened(company, copied["path"])
    wrong = company.faults.take("wrong_company")
    return _stranger_opened(company, wrong["path"]) if wrong else None


# -- backups -----------------------------------------------------------------------------------------------------


def back_up(books: Books, path: Path | None = None) -> Path:
    """Copies the file as it is now; path None = the next number in the folder beside it."""
    if path is None:
        folder = _folder(books)
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir())) + 1:06d}.sqlite"
    with closing(sqlite3.connect(path)) as copy:
        books.db.backup(copy)
    return path


def restore(books: Books, path: Path) -> None:
    """Everything in the file goes back: records, numbers, stored message sets, counts. The PC's clock stays."""
    kept = {table: books.db.execute(f"SELECT * FROM {table}").fetchall() for table in _OF_THE_PC}  # noqa: S608
    offset = books.settings.get(CLOCK_OFFSET, "0")
    with closing(sqlite3.connect(path)) as backup:
        backup.backup(books.db)
    for table, rows in kept.items():
        books.db.execute(f"DELETE FROM {table}")  # noqa: S608
        for row in rows:
            books.db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608
    books.settings.clear()
    books.settings.update(books.db.execute("SELECT name, value FROM setting"))
    books.set(CLOCK_OFFSET, offset)


def _folder(books: Books) -> Path:
    return books.path.with_name(books.path.name + ".backups")


def _backup_before(books: Books, sets: int) -> Path:
    """The backup made before the last so many sets that wrote; the oldest when there were fewer."""
    folder = _folder(books)
    made = sorted(folder.iterdir()) if folder.is_dir() else []
    if not made:
        return back_up(books)
    return made[max(0, len(made) - sets)]


# -- another file ------------------------------------------------------------------------------------------------


def _copy_opened(company: CompanyFile, path: str) -> CompanyFile:
    """Made once, then used again: what is written into the copy stays there and only there."""
    place = Path(path) if path else company.path.with_name(f"Copy of {company.path.name}")
    if not place.exists():
        company.copy_to(place)
    return company.beside(place)


def _stranger_opened(company: CompanyFile, path: str) -> CompanyFile:
    place = Path(path) if path else company.path.with_name(f"Other than {company.path.name}")
    if not place.exists():
        type(company).create(place, company_name="Another Company", timezone=company.timezone).close()
    return company.beside(place)


# -- the clock ---------------------------------------------------------------------------------------------------


def offset_of(books: Books) -> timedelta:
    """How far the PC's clock is off."""
    return timedelta(seconds=int(books.settings.get(CLOCK_OFFSET, "0")))


def refresh_clock(books: Books) -> None:
    """Another process may have put it wrong, or right."""
    kept = books.one("SELECT value FROM setting WHERE name = ?", CLOCK_OFFSET)
    books.settings[CLOCK_OFFSET] = str(kept or "0")


def _move_clock(company: CompanyFile, books: Books, document: str) -> None:
    jump = company.faults.take("clock_jump", document)
    night = company.faults.take("clock_change_night", document)
    if jump:
        _put_off(books, timedelta(seconds=jump["seconds"]))
    if night:
        now = books.clock.instant()
        change = next_change(ZoneInfo(company.timezone), now, night["season"])
        _put_off(books, change - timedelta(minutes=night["minutes"]) - now)


def _put_off(books: Books, by: timedelta) -> None:
    books.set(CLOCK_OFFSET, str(int((offset_of(books) + by).total_seconds())))


def next_change(zone: ZoneInfo, after: datetime, season: str) -> datetime:
    """The instant (UTC) at which the zone's clocks go back (autumn) or forward (spring) next."""
    for before, moment in _half_hours(after):
        gained = (moment.astimezone(zone).utcoffset() or timedelta()) - (
            before.astimezone(zone).utcoffset() or timedelta()
        )
        if (gained < timedelta()) if season == "autumn" else (gained > timedelta()):
            return moment
    raise SimulatorError(f"The clocks of {zone.key} are never changed: there is no such night.")


def _half_hours(after: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Pairs of neighbours; clocks change on the half hour everywhere."""
    start = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for step in range(_A_YEAR_AND_MORE):
        yield start + step * _HALF_AN_HOUR, start + (step + 1) * _HALF_AN_HOUR
