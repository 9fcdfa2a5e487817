"""What a test may do to an organisation from outside its API: other people's work, time, limits, faults."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from crm.emulators.faults import Counters, Fault

from . import sales_seeding, seeding
from .effects import EFFECTS
from .errors import ApiError
from .org import Org, Settings
from .rows import OpenTransaction
from .schema import SObject, Values
from .values import show


class Control:
    """Every method takes the organisation's lock; what it writes is not counted as a client's write.

    Rows are named by their 18-character ids and hold JSON values. Writes here obey the same rules as the
    API's and raise the same `ApiError`s.
    """

    def __init__(self, org: Org) -> None:
        self.org = org

    # looking

    @property
    def settings(self) -> Settings:
        """Page size, daily limit and the like; change them at any time."""
        return self.org.settings

    @property
    def counters(self) -> Counters:
        return self.org.counters

    def credentials(self) -> dict[str, str]:
        """consumer_key, consumer_secret, username, private_key (PEM): all that both flows need."""
        known = self.org.sessions.credentials
        return {
            "consumer_key": known.consumer_key,
            "consumer_secret": known.consumer_secret,
            "username": known.username,
            "private_key": self.org.sessions.private_key(),
        }

    def records(self, object_name: str) -> list[dict[str, object]]:
        """Every row as it is kept, those in the Recycle Bin too."""
        item = self._object(object_name)
        with self.org.lock:
            rows = list(self.org.rows.every(item.name))
        return [{name: show(value) for name, value in row.values.items()} for row in rows]

    # somebody else's work

    def create(self, object_name: str, values: Mapping[str, object]) -> str:
        """The id of a row that another user made just now."""
        with self._work():
            return self.org.create(object_name, values)

    def edit(self, row_id: str, values: Mapping[str, object]) -> None:
        with self._work():
            self.org.writes.change(self._object_of(row_id), row_id, values)

    def touch(self, row_id: str) -> None:
        """An automated process moves SystemModstamp; LastModifiedDate stays."""
        with self._work():
            self.org.writes.touch(self._object_of(row_id), row_id)

    def delete(self, row_id: str) -> None:
        with self._work():
            self.org.writes.delete(self._object_of(row_id), row_id)

    def restore(self, row_id: str) -> None:
        """Undelete a row that is in the Recycle Bin."""
        with self._work():
            self.org.writes.restore(self._object_of(row_id), row_id)

    def purge(self, row_id: str) -> None:
        """Empty the Recycle Bin of one row: queryAll does not find it any more, /deleted still does."""
        with self._work():
            self.org.writes.purge(row_id)

    def merge(self, winner_id: str, loser_id: str) -> None:
        with self._work():
            self.org.writes.merge(self._object_of(winner_id), winner_id, loser_id)

    def seed_accounts(self, count: int, seed: int = 1, *, awkward: bool = False) -> list[str]:
        """Ids of new accounts, some with primary contacts; see `seeding`."""
        with self._work():
            return seeding.seed_accounts(self.org, count, seed, awkward=awkward)

    def seed_products(self, count: int, seed: int = 1) -> list[str]:
        """Ids of new products with standard prices."""
        with self._work():
            return sales_seeding.seed_products(self.org, count, seed)

    def seed_opportunities(self, count: int, seed: int = 1) -> list[str]:
        """Ids of new opportunities with lines, of the accounts and products that are there."""
        with self._work():
            return sales_seeding.seed_opportunities(self.org, count, seed)

    def write_late(
        self,
        object_name: str,
        values: Mapping[str, object],
        *,
        row_id: str | None = None,
        seconds: float | None = None,
    ) -> OpenTransaction:
        """Create a row (or edit `row_id`) in a transaction that stamps it now and commits later.

        It commits `seconds` from now, or at `release`. Until then nobody sees it and `latestDateCovered`
        stays behind its start.
        """
        item = self._object(object_name)
        with self._work():
            if row_id is None:
                self.org.writes.create(item, values)
            else:
                self.org.writes.change(item, row_id, values)
            held = self.org.hold(seconds, counted=False)
        if held is None:
            raise ValueError("nothing was written")
        return held

    def release(self, held: OpenTransaction | None = None) -> None:
        """Let one open transaction commit, or all of them."""
        with self.org.lock:
            for transaction in [held] if held else list(self.org.rows.open):
                self.org.release(transaction)

    def lock(self, row_id: str) -> None:
        """Hold a lock on a row: writes to it answer UNABLE_TO_LOCK_ROW until `unlock`."""
        with self.org.lock:
            self.org.writes.held.add(row_id)

    def unlock(self, row_id: str) -> None:
        with self.org.lock:
            self.org.writes.held.discard(row_id)

    # rules

    def refuse(self, object_name: str, field: str, text: str, message: str) -> None:
        """A validation rule: rows whose field contains the text are refused with the message."""

        def rule(values: Values) -> None:
            if text in str(values.get(field) or ""):
                raise ApiError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message, [field])

        with self.org.lock:
            self.org.writes.rules.setdefault(self._object(object_name).name, []).append(rule)

    def alert_duplicates(self, object_name: str) -> None:
        """A duplicate rule: a new row with the name of another is DUPLICATES_DETECTED, unless allowSave."""
        with self.org.lock:
            self.org.writes.duplicate_rules.add(self._object(object_name).name)

    def add_object(self, item: SObject) -> None:
        """Give the organisation one more object, or wider fields to one it has."""
        with self.org.lock:
            self.org.schema.put(item)

    def hide_field(self, object_name: str, field: str) -> None:
        """Take field-level security away: for the API the field is not there any more."""
        item = self._object(object_name)
        left = tuple(known for known in item.fields if known.name != field)
        with self.org.lock:
            self.org.schema.put(replace(item, fields=left))

    def strip_custom_fields(self) -> None:
        """An organisation before any installation: standard objects without custom fields."""
        with self.org.lock:
            for item in self.org.schema.all():
                if not item.name.endswith("__c"):
                    left = tuple(known for known in item.fields if not known.custom)
                    self.org.schema.put(replace(item, fields=left))

    # sessions, time, faults

    def expire_sessions(self) -> None:
        """Every token given out so far is dead."""
        with self.org.lock:
            self.org.sessions.expire_all()

    def sessions_last(self, calls: int | None) -> None:
        """Tokens die after so many calls; None: only of age."""
        with self.org.lock:
            self.org.sessions.calls_allowed = calls

    def advance(self, seconds: float) -> datetime:
        """Push the organisation's time forward and tell what it is now."""
        with self.org.lock:
            return self.org.clock.advance(seconds)

    def arm(self, fault: Fault) -> None:
        """Let something go wrong; raises ValueError for an effect that is not in `EFFECTS`."""
        if fault.effect not in EFFECTS:
            raise ValueError(f"{fault.effect!r} is none of {', '.join(EFFECTS)}")
        with self.org.lock:
            self.org.faults.arm(fault)

    def disarm(self) -> None:
        with self.org.lock:
            self.org.faults.clear()

    def reset(self) -> None:
        """An organisation as new: no rows but its user, no faults, no counts, nobody logged in; settings stay."""
        with self.org.lock:
            self.org.reset()

    @contextmanager
    def _work(self) -> Iterator[None]:
        """All of what is written inside, or nothing; by a user who is not the integration's."""
        with self.org.lock:
            self.org.writes.user_id = self.org.sales_user_id
            try:
                yield
                self.org.commit(counted=False)
            finally:
                self.org.writes.user_id = self.org.user_id
                self.org.rows.undo()

    def _object(self, name: str) -> SObject:
        item = self.org.schema.find(name)
        if item is None:
            raise LookupError(f"this organisation has no {name}")
        return item

    def _object_of(self, row_id: str) -> SObject:
        item = self.org.schema.of_id(row_id)
        if item is None:
            raise LookupError(f"{row_id} is no id of this organisation")
        return item
