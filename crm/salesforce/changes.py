"""What changed since a watermark: tombstones from /deleted, then rows by stamp, and why nothing is skipped.

A stamp is given when a transaction begins to write and the row is seen when it commits, so a row can appear
behind rows already read. Two things catch it: Salesforce's latestDateCovered, which it holds back to the start
of a long transaction, and an overlap that is read again each time.

Tombstones come before rows, so that a record which was deleted and restored ends alive.

A change below a record (a line, a price) need not touch the record's own stamp, so rows below are polled too, the
deleted ones with them, and the records above them are read. What was deleted below and has left the recycle bin
before we came shows only in the header's stamp.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from crm.errors import CrmError, Misconfigured
from crm.port import Page, Pass, Record
from crm.salesforce.errors import Answer
from crm.salesforce.ids import id18
from crm.salesforce.reading import IDS_AT_ONCE, Reader
from crm.salesforce.shapes import YOUNG
from crm.salesforce.transport import Part
from crm.salesforce.values import parse_moment

# Salesforce keeps deletions for 15 days, less when somebody empties the recycle bin.
KEPT = timedelta(days=15)
# The period asked of /deleted must exceed a minute, seconds not counting.
SHORTEST = timedelta(minutes=2)

# Answers of /deleted that mean: what was deleted in this period cannot be told any more.
UNTELLABLE = frozenset({"INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT"})


@dataclass(frozen=True)
class Watermark:
    """How far an object was read: rows stamped before `rows`, deletions before `deletions` (aware UTC)."""

    source: str
    rows: datetime
    deletions: datetime

    def text(self) -> str:
        return json.dumps(
            {"object": self.source, "rows": self.rows.isoformat(), "deletions": self.deletions.isoformat()}
        )

    @classmethod
    def parse(cls, text: str, source: str) -> "Watermark":
        """Raises Misconfigured for a watermark of another object or of another maker."""
        try:
            data = json.loads(text)
            mark = cls(data["object"], parse_moment(data["rows"]), parse_moment(data["deletions"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"The stored position of {source} cannot be read ({text!r}); clear it to read everything again."
            ) from error
        if mark.source != source:
            raise Misconfigured(
                f"The stored position belongs to {mark.source}, not to {source}; clear it to read everything again."
            )
        return mark


@dataclass(frozen=True)
class Deletions:
    """Ids with the moment of their deletion; `covered` is where the next question begins.

    `forgotten` is a sentence when deletions of the period may be missing, and then only a full read tells.
    """

    moments: Mapping[str, datetime]
    covered: datetime
    forgotten: str = ""


def period(since: datetime | None, until: datetime) -> tuple[datetime, datetime]:
    """What to ask /deleted for. Without a past only its latestDateCovered is of interest."""
    oldest = until - KEPT + timedelta(hours=1)
    start = min(max(since or until, oldest), until - SHORTEST)
    return start.replace(second=0, microsecond=0), until


def deletions_of(body: Mapping[str, Any], since: datetime | None, until: datetime) -> Deletions:
    """The answer of /deleted, judged: were deletions since `since` purged before we asked?"""
    moments = {id18(row["id"]): parse_moment(row["deletedDate"]) for row in body.get("deletedRecords") or ()}
    # Salesforce ignores the seconds of the end of the period, so nothing behind its minute is surely covered.
    covered = min(parse_moment(body["latestDateCovered"]), until.replace(second=0, microsecond=0))
    earliest = parse_moment(body["earliestDateAvailable"]) if body.get("earliestDateAvailable") else None
    lost = since is not None and (since < until - KEPT or (earliest is not None and earliest > since))
    return Deletions(moments, covered, _forgotten(since) if lost else "")


def _forgotten(since: datetime | None) -> str:
    return (
        f"Salesforce no longer tells everything that was deleted since {since}; all records were read again."
    )


@dataclass(frozen=True)
class Ahead:
    """How a pass begins, asked for together with others: deletions, and from a watermark on rows and what is below."""

    asked: float
    until: datetime
    gone: Answer
    rows: Answer | None
    below: tuple[Answer, ...]


class Changes:
    """Passes over one organisation's objects. `overlap` is read again before each watermark."""

    def __init__(self, reader: Reader, overlap: timedelta) -> None:
        self._reader = reader
        self._overlap = overlap
        self._ahead: dict[Pass, Ahead] = {}

    def since(self, kind: str, fields: Sequence[str], watermark: str | None) -> Iterator[Page]:
        source = self._reader.source(kind)
        mark = Watermark.parse(watermark, source) if watermark is not None else None
        self._reader.shape(kind, fields)
        ahead = self._taken(Pass(kind, tuple(fields), watermark))
        # Before the first page: what changes from here on belongs to the next pass.
        until = ahead.until if ahead else self._reader.now()
        gone = self._deletions(kind, mark.deletions if mark else None, until, ahead)
        complete = mark is None or bool(gone.forgotten)
        if not complete:
            yield from self._tombstones(kind, fields, gone)
        begin = mark.rows - self._overlap if mark and not complete else None
        reached = Watermark(source, min(until, gone.covered), gone.covered).text()
        # Asked before the pages: what a page delivers afterwards is newer than this and needs no second look.
        below = ahead.below if ahead and begin else None
        touched = dict.fromkeys(self._reader.touched(kind, begin, below)) if begin else {}
        rows = ahead.rows if ahead and begin else None
        for records, last in self._reader.keyed_pages(kind, fields, begin, rows):
            for each in records:
                touched.pop(each.id, None)
            if last:
                found = [*records, *self._reader.read(kind, list(touched), fields)]
                yield Page(tuple(found), reached, complete, gone.forgotten)
            else:
                yield Page(tuple(records), None)

    # Several passes together

    def prepare(self, passes: Sequence[Pass]) -> None:
        """Ask for the deletions of all of them, and for the first rows of those that go on from a watermark.

        A first pass has long pages, which come by themselves.
        """
        self._ahead.clear()
        wanted = [one for one in passes if self._reader.is_known(one.kind, one.fields)]
        if len(wanted) < 2:
            return
        until, asked = self._reader.now(), time.monotonic()
        plans = [(one, self._beginning(one, until)) for one in wanted]
        answers = iter(self._reader.ask(part for _, parts in plans for part in parts))
        for one, parts in plans:
            gone, *rest = [next(answers) for _ in parts]
            rows, below = (rest[0], rest[1:]) if rest else (None, [])
            self._ahead[one] = Ahead(asked, until, gone, rows, tuple(below))

    def _beginning(self, one: Pass, until: datetime) -> list[Part]:
        try:
            mark = Watermark.parse(one.watermark, self._reader.source(one.kind)) if one.watermark else None
        except Misconfigured:
            mark = None  # its own pass says so
        parts = [self._reader.deleted_part(one.kind, *period(mark.deletions if mark else None, until))]
        if mark is not None:
            parts += self._reader.first_parts(one.kind, one.fields, mark.rows - self._overlap)
        return parts

    def _taken(self, one: Pass) -> "Ahead | None":
        """What was asked for ahead, once, and while it is young."""
        found = self._ahead.pop(one, None)
        return found if found is not None and time.monotonic() - found.asked < YOUNG else None

    def _deletions(
        self, kind: str, since: datetime | None, until: datetime, ahead: "Ahead | None" = None
    ) -> Deletions:
        start, end = period(since, until)
        try:
            body = (
                self._reader.deleted_body(kind, ahead.gone)
                if ahead
                else self._reader.deleted(kind, start, end)
            )
            return deletions_of(body, since, until)
        except CrmError as error:
            if error.code not in UNTELLABLE:
                raise
            return Deletions({}, (until - SHORTEST).replace(second=0), _forgotten(since or start))

    def _tombstones(self, kind: str, fields: Sequence[str], gone: Deletions) -> Iterator[Page]:
        """Looked at before they are believed: what was restored meanwhile is delivered alive."""
        ids = list(gone.moments)
        for start in range(0, len(ids), IDS_AT_ONCE):
            records = self._reader.read(kind, ids[start : start + IDS_AT_ONCE], fields)
            yield Page(tuple(_dated(each, gone.moments[each.id]) for each in records), None)


def _dated(record: Record, deleted: datetime) -> Record:
    return replace(record, modified=deleted) if record.deleted else record
