"""One emulated organisation: its schema, rows, sessions, limits and the things that are about to go wrong."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock

from crm.emulators.clock import Clock
from crm.emulators.faults import Counters, FaultPlan

from .cursors import Cursors
from .errors import limit_exceeded
from .ids import numbered
from .objects import OBJECTS
from .rows import Change, OpenTransaction, Row, Rows
from .schema import Schema, Value
from .sessions import Credentials, Sessions
from .state_file import StateFile
from .writes import Writes

_DAY = timedelta(hours=24)


@dataclass
class Settings:
    """What differs from organisation to organisation; a test may change any of them while it runs."""

    # Calls in any 24 hours.
    daily_requests: int = 15_000
    # Fewer rows per page than the client asked for, as wide rows cause; None keeps to its wish.
    page_size: int | None = None
    # The most rows of one subquery that come with the page of its parents; None: as many as a page holds.
    rows_below: int | None = None
    # How far `latestDateCovered` stays behind the present.
    replication_lag: timedelta = timedelta()
    # Deletions before this moment are forgotten; None keeps them for the full 15 days.
    deletes_known_since: datetime | None = None
    # The most ids that one replication answer may hold.
    replication_ids: int = 600_000


@dataclass
class Limits:
    """The rolling 24-hour count of calls."""

    settings: Settings
    clock: Clock
    _calls: deque[datetime] = field(default_factory=deque)

    def spend(self) -> None:
        """Count one call; 403 when the day's calls are used up."""
        now = self.clock.now()
        while self._calls and now - self._calls[0] > _DAY:
            self._calls.popleft()
        if len(self._calls) >= self.settings.daily_requests:
            raise limit_exceeded()
        self._calls.append(now)

    @property
    def used(self) -> int:
        return len(self._calls)

    def clear(self) -> None:
        self._calls.clear()


class Org:
    """Everything that one emulator knows. Whoever touches it holds `lock`."""

    def __init__(self, clock: Clock, credentials: Credentials, state_path: Path | None = None) -> None:
        self.lock = RLock()
        self.clock = clock
        self.settings = Settings()
        self.schema = Schema(OBJECTS)
        self.rows = Rows(self.schema)
        self.user_id = numbered("005", _USER_NUMBER)
        self.sales_user_id = numbered("005", _USER_NUMBER + 1)
        self.writes = Writes(self.rows, clock.second, self.user_id)
        self.sessions = Sessions(credentials, clock.now)
        self.cursors = Cursors(clock.now)
        self.limits = Limits(self.settings, clock)
        self.faults = FaultPlan()
        self.counters = Counters()
        self._state = StateFile(state_path)
        self.rows.load(*self._state.load(self.schema))
        self._settle_in()

    def create(self, object_name: str, values: Mapping[str, object]) -> str:
        """The id of a new row; raises LookupError for an object that is not there, else as the API refuses."""
        item = self.schema.find(object_name)
        if item is None:
            raise LookupError(f"this organisation has no {object_name}")
        return self.writes.create(item, values).id

    def commit(self, *, counted: bool) -> None:
        """Keep and save what was written since the last commit; count it when a client wrote it."""
        done = self.rows.commit()
        if counted:
            self._count(done)
        self._state.save([change.after for change in done], self.rows.made())

    def hold(self, seconds: float | None, *, counted: bool) -> OpenTransaction | None:
        """Hide what was written since the last commit, for some time or (None) until released."""
        now = self.clock.second()
        due = None if seconds is None else now + timedelta(seconds=seconds)
        held = self.rows.hold(now, due)
        if counted and held is not None:
            self._count(held.changes)
        return held

    def settle(self) -> None:
        """Let the open transactions whose time has come commit, and permission sets show what they grant."""
        self.rows.release_due(self.clock.now())
        self.commit(counted=False)
        for full_name in self.schema.hidden_names():
            self._grant(full_name)

    def _grant(self, full_name: str) -> None:
        """Field-level security: a set that is assigned to the integration user lets it read the field."""
        assigned = [row.values for row in self.rows.every("PermissionSetAssignment") if row.live]
        sets = {values["PermissionSetId"] for values in assigned if values["AssigneeId"] == self.user_id}
        for row in self.rows.every("FieldPermissions"):
            granted = row.live and row.values["Field"] == full_name and row.values["PermissionsRead"]
            if granted and row.values["ParentId"] in sets:
                self.schema.grant(full_name, edit=bool(row.values["PermissionsEdit"]))

    def release(self, transaction: OpenTransaction) -> None:
        """Let one open transaction commit now."""
        self.rows.release(transaction)
        self.commit(counted=False)

    def reset(self) -> None:
        """An organisation as new: no rows but its user, no faults, no counts, nobody logged in; settings stay."""
        self.rows.clear()
        self._state.clear()
        self.schema.replace(OBJECTS)
        self.sessions.calls_allowed = None
        self.sessions.expire_all()
        self.cursors.expire_all()
        writes = self.writes
        for part in (
            self.limits,
            self.faults,
            self.counters,
            writes.rules,
            writes.held,
            writes.duplicate_rules,
        ):
            part.clear()
        self._settle_in()

    def close(self) -> None:
        self._state.close()

    def _count(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.verb not in _OF_ITSELF:
                self.counters.writes[change.after.object] += 1
                self.counters.verbs[f"{change.verb}:{change.after.object}"] += 1

    def _settle_in(self) -> None:
        """What an organisation has from its first day: two users and the standard price book."""
        names = {
            self.user_id: (self.sessions.credentials.username, "Integration"),
            self.sales_user_id: _SELLER,
        }
        for row_id, (name, last) in names.items():
            user: dict[str, Value] = {"Username": name, "LastName": last, "Email": name, "IsActive": True}
            self._place("User", row_id, user)
        book: dict[str, Value] = {"Name": "Standard Price Book", "IsActive": True, "IsStandard": True}
        self._place("Pricebook2", _STANDARD_BOOK, book)

    def _place(self, object_name: str, row_id: str, own: Mapping[str, Value]) -> None:
        if self.rows.find(row_id) is not None:
            return
        now = self.clock.second()
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), now)
        authors = dict.fromkeys(("CreatedById", "LastModifiedById"), self.user_id)
        values: dict[str, Value] = {"Id": row_id, "IsDeleted": False, **stamps, **authors, **own}
        self.rows.load([Row(object_name, row_id, values)], {})


_USER_NUMBER = 62**5 * 3 + 815
_SELLER = ("sales@acme.example", "Sales")
_STANDARD_BOOK = numbered("01s", 62**5 * 3 + 4711)
# Changes that the service makes of itself; they are nobody's writes.
_OF_ITSELF = ("clear", "follow")
