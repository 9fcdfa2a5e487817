"""The company file on disk: one SQLite database, its settings, numbers, private data and counts."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from qbwc_server.simulator.company.clock import Clock, WallClock
from qbwc_server.simulator.company.rules import RULES
from qbwc_server.simulator.errors import SimulatorError

SCHEMA = Path(__file__).with_name("schema.sql")
FORMAT = "3"
# Lists of files from 2006 on count from here (semantics 4, IDs).
FIRST_LIST_NUMBER = 0x80000001
# Transactions and their lines count together, two by two on sales forms (semantics 4).
TRANSACTIONS, TXN_STEP = "Transactions", 2
BUSY_SECONDS = 30
SNAPSHOT = (
    "CREATE TEMP TABLE IF NOT EXISTS snapshot (iterator TEXT, place INTEGER, id TEXT, "
    "PRIMARY KEY (iterator, place)) WITHOUT ROWID"
)
# List elements remembered inside one transaction; beyond that all are forgotten.
MOST_READ = 2_000
NO_COMPANY = "is not a company file of this simulator. Make one with: simulate company new FILE"
COMPANY = "Company"


class Books:
    """One open company file. Every change happens inside transaction(); the caller serialises threads."""

    def __init__(self, path: Path, db: sqlite3.Connection, clock: Clock) -> None:
        self.path = path
        self.db = db
        self.db.execute("PRAGMA synchronous = OFF")
        # IDs that iterators have still to hand out; they live no longer than this connection.
        self.db.execute(SNAPSHOT)
        self.settings: dict[str, str] = {}
        # Switches that were moved, as far as they are known: read anew with every transaction.
        self._positions: dict[str, str] = {}
        self.refresh()
        self.clock = WallClock(ZoneInfo(self.settings["timezone"]), clock, self.rule)
        # List elements read inside the transaction under way: nobody else can change them before it ends.
        self.read: dict[tuple[str, str], Any] = {}
        self.names: dict[tuple[str, str], str] = {}
        # Family -> FullName without case -> ListID, of those that were looked for by name.
        self.full_names: dict[str, dict[str, str]] = {}

    @classmethod
    def create(cls, path: Path, settings: Mapping[str, str], clock: Clock) -> Self:
        if path.exists():
            raise SimulatorError(f"{path} exists already. Choose another name or delete it first.")
        path.parent.mkdir(parents=True, exist_ok=True)
        db = _connect(path)
        db.executescript(f"BEGIN; {SCHEMA.read_text(encoding='utf-8')} COMMIT;")
        db.executemany("INSERT INTO setting VALUES (?, ?)", [("format", FORMAT), *settings.items()])
        return cls(path, db, clock)

    @classmethod
    def open(cls, path: Path, clock: Clock) -> Self:
        if not path.is_file():
            raise SimulatorError(f"There is no company file {path}. Make one first.")
        db = _connect(path)
        wrong = _wrong_format(db)
        if wrong:
            db.close()
            raise SimulatorError(f"{path} {wrong}")
        return cls(path, db, clock)

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits at the end; anything raised inside undoes it all. May be nested: the outermost one counts."""
        if self.db.in_transaction:
            yield
            return
        self._forget_read()
        self.db.execute("BEGIN IMMEDIATE")
        self.refresh()
        try:
            yield
        except BaseException:
            self._forget_read()
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        self._forget_read()

    def remember(self, family: str, list_id: str, element: Any) -> None:
        if len(self.read) >= MOST_READ:
            self._forget_read()
        self.read[family, list_id] = element

    def refresh(self) -> None:
        """Another program may have changed settings and switches."""
        self.settings = dict(self.db.execute("SELECT name, value FROM setting"))
        self._positions = dict(self.db.execute("SELECT name, position FROM rule"))

    def rule(self, name: str) -> str:
        """How this file answers a question that the references leave open (rules.RULES)."""
        return self._positions.get(name) or RULES[name].usual

    def set_rule(self, name: str, position: str) -> None:
        """The usual position is kept nowhere."""
        self.db.execute("DELETE FROM rule WHERE name = ?", (name,))
        if position != RULES[name].usual:
            self.db.execute("INSERT INTO rule VALUES (?, ?)", (name, position))
        self._positions = dict(self.db.execute("SELECT name, position FROM rule"))

    def is_on(self, preference: str) -> bool:
        """A preference of the company (features.PREFERENCES)."""
        return self.settings.get(f"preference {preference}") == "on"

    def forget(self, family: str, list_id: str) -> None:
        """An element was changed: what was read of it before does not hold any more."""
        self.read.pop((family, list_id), None)
        self.names.pop((family, list_id), None)
        self.full_names.pop(family, None)

    def _forget_read(self) -> None:
        self.read.clear()
        self.names.clear()
        self.full_names.clear()

    def set(self, name: str, value: str) -> None:
        self.settings[name] = value
        self.db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def permission(self) -> str:
        """Asked of the file each time: another program may have changed it."""
        return str(self.one("SELECT value FROM setting WHERE name = 'permission'"))

    def barred(self) -> tuple[str, ...]:
        """Areas that the user who is logged in has no access to."""
        return tuple(str(self.one("SELECT value FROM setting WHERE name = 'barred'") or "").split())

    def closing_date(self) -> str:
        """The last day of the closed books, "" when none are; asked of the file each time."""
        return str(self.one("SELECT value FROM setting WHERE name = 'closing_date'") or "")

    # -- identity --------------------------------------------------------------------------------------------

    def new_list_id(self, family: str) -> str:
        """Upper-case hexadecimal counter, a dash, the second of creation (semantics 4). One counter per family."""
        return f"{self.take_number(family, FIRST_LIST_NUMBER):X}-{self.clock.epoch()}"

    def reserve_list_id(self, family: str, list_id: str) -> None:
        """Keeps the counter beyond an ID that came from a recording."""
        digits = list_id.partition("-")[0]
        number = (
            int(digits, 16) if all(digit in "0123456789abcdefABCDEF" for digit in digits) and digits else 0
        )
        following = self.one("SELECT next FROM list_number WHERE family = ?", family) or FIRST_LIST_NUMBER
        if number >= following:
            self._next_number(family, number + 1)

    def new_txn_id(self) -> str:
        return f"{self.take_number(TRANSACTIONS, 1, TXN_STEP):X}-{self.clock.epoch()}"

    def new_txn_line_id(self, txn_id: str) -> str:
        """From the counter of the transactions, with the time of its own transaction (semantics 4)."""
        return f"{self.take_number(TRANSACTIONS, 1, TXN_STEP):X}-{txn_id.partition('-')[2]}"

    def take_number(self, counter: str, first: int = 1, step: int = 1) -> int:
        number = int(self.one("SELECT next FROM list_number WHERE family = ?", counter) or first)
        self._next_number(counter, number + step)
        return number

    def _next_number(self, counter: str, number: int) -> None:
        self.db.execute("INSERT OR REPLACE INTO list_number VALUES (?, ?)", (counter, number))

    def edit_sequence(self, previous: str = "") -> str:
        """The second of this edit, forced to grow: two edits within one second differ (semantics 4; a rule)."""
        if self.rule("edit_sequence") == "second":
            return str(self.clock.epoch())
        return str(max(self.clock.epoch(), int(previous) + 1 if previous.isdigit() else 0))

    # -- private data ----------------------------------------------------------------------------------------

    def data_ext(self, holder: str, owner_id: str) -> list[dict[str, str]]:
        rows = self.db.execute(
            "SELECT owner_id, name, type, value FROM data_ext WHERE holder = ? "
            "AND upper(owner_id) = upper(?) ORDER BY name",
            (holder, owner_id),
        )
        return [
            dict(zip(("OwnerID", "DataExtName", "DataExtType", "DataExtValue"), row, strict=True))
            for row in rows
        ]

    def set_data_ext(
        self, holder: str, owner_id: str, name: str, value: str | None, kind: str = "STR255TYPE"
    ) -> None:
        """None removes it; kind is its DataExtType."""
        self.db.execute(
            "DELETE FROM data_ext WHERE holder = ? AND upper(owner_id) = upper(?) AND name = ?",
            (holder, owner_id, name),
        )
        if value is not None:
            self.db.execute(
                "INSERT INTO data_ext VALUES (?, ?, ?, ?, ?)", (holder, owner_id, name, kind, value)
            )

    # -- counts ----------------------------------------------------------------------------------------------

    def count(self, name: str) -> None:
        self.db.execute(
            "INSERT INTO request_count VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET number = number + 1",
            (name,),
        )

    def counts(self) -> dict[str, int]:
        return dict(self.db.execute("SELECT name, number FROM request_count ORDER BY name"))

    def one(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row, None when there is none."""
        row = self.db.execute(query, parameters).fetchone()
        return None if row is None else row[0]


def _connect(path: Path) -> sqlite3.Connection:
    """A plain journal beside the file: a closed company file is one file, which can be copied like a real one."""
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _wrong_format(db: sqlite3.Connection) -> str:
    """What is wrong with a file that cannot be opened, "" when nothing is."""
    try:
        row = db.execute("SELECT value FROM setting WHERE name = 'format'").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return "is being changed by another program right now. Try again."
        return NO_COMPANY
    except sqlite3.DatabaseError:
        return NO_COMPANY
    if row is None:
        return NO_COMPANY
    if row == (FORMAT,):
        return ""
    whose = "an earlier" if row[0].isdigit() and int(row[0]) < int(FORMAT) else "a later"
    return (
        f"was made by {whose} version of this simulator (format {row[0]}, this one reads {FORMAT}). "
        "Nothing in it was changed. Make a new company file, or use that version."
    )
