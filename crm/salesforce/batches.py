"""Writing many records in few calls: look at them together, write those that stand, read their versions in the same
call.

A condition cannot be said for a row of a collection, so versions are compared in one query just before; a few rows go
singly inside the one call and carry If-Unmodified-Since as well. What happened to a call without an answer is looked
at before anything is sent again; upserts by a unique key are simply sent again.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from crm.errors import CrmError, Duplicate, Rejected, Unavailable, UnknownOutcome
from crm.http import REPEATABLE_PAUSES, as_http_date
from crm.port import LINES, Outcome, Scalar, Write, Written
from crm.salesforce import soql
from crm.salesforce.errors import Answer, refusal
from crm.salesforce.ids import id18
from crm.salesforce.kinds import Below
from crm.salesforce.planning import (
    HEAVY,
    Planned,
    Step,
    batches,
    collection,
    creations,
    plan,
    row_of,
    updates,
    upserts,
)
from crm.salesforce.reading import Reader
from crm.salesforce.shapes import Shape
from crm.salesforce.transport import MOST_PARTS, Part, Transport, answers_of
from crm.salesforce.values import (
    Row,
    below_of,
    lines_in,
    rows_of,
    same_values,
    stamp_in,
    stamps_of,
    version_of,
)
from crm.salesforce.writing import UNSEEN, Writer, gone, moved

# Characters of the values in one query; a whole address may have about 16,000.
LONGEST_LIST = 13_000

# Seconds for which a look holds. A computer that slept in between must look again.
LOOK_HOLDS = 10

# What the innocent are told when others in the same call failed.
HALTED = frozenset({"PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK"})


@dataclass
class Batch:
    """Writes that go together, and what became of them so far."""

    kind: str
    shape: Shape
    writes: Sequence[Planned]
    outcomes: dict[int, Outcome]
    # What the caller wants to know of the records afterwards.
    fields: Sequence[str] = ()
    # How an attempt ended without an answer: look before the next.
    doubt: UnknownOutcome | None = None
    # What kept us from looking, after its own repetitions.
    blind: CrmError | None = None
    # Rows as they were just before, by target.
    before: dict[str, Row] = field(default_factory=dict)
    # What is written next, and rows of this batch that the call before this one brought along.
    following: "Batch | None" = None
    brought: dict[str, Row] | None = None
    # When the records were last looked at, by a clock that goes on while a process stands still.
    looked: float | None = None

    @property
    def open(self) -> list[Planned]:
        """Not written yet, or in the way of somebody else's lock."""
        return [each for each in self.writes if _waits(self.outcomes.get(each.place))]

    @property
    def conditional(self) -> list[Planned]:
        """What must be looked at before it is written, only for its version."""
        found = [each for each in self.open if each.write.if_version]
        return found if self.writes[0].verb[0] == "update" and not any(each.lent for each in found) else []

    @property
    def doing(self) -> str:
        return f"write {len(self.writes)} records of {self.shape.of.source}"


def _waits(outcome: Outcome | None) -> bool:
    return outcome is None or isinstance(outcome, Unavailable)


class Batches:
    def __init__(self, transport: Transport, reader: Reader, writer: Writer) -> None:
        self._transport = transport
        self._reader = reader
        self._writer = writer
        self._beside: dict[Below, str] = {}

    def write(self, kind: str, writes: Sequence[Write], fields: Sequence[str] = ()) -> tuple[Outcome, ...]:
        of, outcomes, planned = self._reader.shape(kind, fields).of, dict[int, Outcome](), list[Planned]()
        for place, write in enumerate(writes):
            try:
                self._check(kind, write)
                planned.append(plan(place, write, of))
            except CrmError as error:
                outcomes[place] = error
        stop: CrmError | None = None
        shape = self._reader.shape(kind, fields)
        some = [Batch(kind, shape, each, outcomes, fields) for each in batches(planned)]
        for batch, following in zip(some, [*some[1:], None], strict=False):
            if stop:
                outcomes |= {each.place: stop for each in batch.writes}
            else:
                batch.following = following
                stop = self._run(batch)
        return tuple(outcomes[place] for place in range(len(writes)))

    def _check(self, kind: str, write: Write) -> None:
        names = [name for name in write.values if name != LINES]
        lines = {f"{LINES}.{name}" for line in lines_in(write.values) for name in line}
        self._reader.shape(kind, [*names, *lines])
        if write.id is None and write.key is not None:
            self._writer.check_key(kind, *write.key)

    def _run(self, batch: Batch) -> CrmError | None:
        """Attempts until nothing is open; the error that would stop other batches as well."""
        try:
            self._transport.retries.run(lambda: self._attempt(batch), REPEATABLE_PAUSES)
            if batch.blind:
                raise batch.doubt or batch.blind
        except CrmError as error:
            untold = [each for each in batch.open if each.place not in batch.outcomes]
            batch.outcomes |= {each.place: error for each in untold}
            return error if untold and not isinstance(error, UnknownOutcome) else None
        return None

    def _attempt(self, batch: Batch) -> None:
        try:
            if batch.doubt:
                self._look_after_doubt(batch)
            self._look(batch)
        except CrmError as error:
            batch.blind = error
            return
        if batch.open:
            verb, _ = batch.writes[0].verb
            self._create(batch) if verb == "create" else self._send(batch)
        locked = [batch.outcomes[each.place] for each in batch.open]
        for outcome in locked:
            if isinstance(outcome, CrmError):
                raise outcome

    # Looking

    def _look(self, batch: Batch) -> None:
        """The records just before; those that moved or are gone have their outcome."""
        verb, key = batch.writes[0].verb
        lends = any(each.lent for each in batch.open)
        batch.looked = time.monotonic()
        if verb == "upsert" and lends:
            rows = self._by_key(batch, key, [each.target for each in batch.open])
            batch.before = {str(row[key]).casefold(): row for row in rows}
        elif verb == "update" and (lends or any(each.write.if_version for each in batch.open)):
            brought, batch.brought = batch.brought, None
            batch.before = brought or self._by_id(batch, [each.target for each in batch.open])
            for each in batch.open:
                self._judge(batch, each, batch.before.get(each.target))
        for each in batch.open:
            self._refuse_emptied(batch, each)

    def _refuse_emptied(self, batch: Batch, each: Planned) -> None:
        """The row that lends a field cannot be without it."""
        row = batch.before.get(each.target, {})
        kept = [below.name for below, value in each.lent if value is None and below_of(row, below)]
        if kept:
            text = f"{', '.join(kept)} of {each.label} cannot be emptied in Salesforce; give a value."
            batch.outcomes[each.place] = Rejected(text, record=each.write.id or "", fields=kept)

    def _judge(self, batch: Batch, each: Planned, row: Row | None) -> None:
        source = batch.shape.of.source
        if row is None or row.get("IsDeleted"):
            batch.outcomes[each.place] = gone(source, each.target)
        elif each.write.if_version not in (None, version_of(row, batch.shape.of)):
            batch.outcomes[each.place] = moved(source, each.target)

    def _look_after_doubt(self, batch: Batch) -> None:
        """Which updates of a call without an answer took effect. What did not is sent again."""
        if batch.writes[0].verb[0] != "update":
            return
        names = {name for each in batch.open for name in _names(each.write)}
        found = self._reader.read(batch.kind, [each.target for each in batch.open], sorted(names))
        for each, now in zip(list(batch.open), found, strict=True):
            if now.deleted:
                batch.outcomes[each.place] = gone(batch.shape.of.source, each.target)
            elif same_values(each.write.values, now.values):
                # Somebody may have changed another field since: that must be seen before the next write.
                batch.outcomes[each.place] = Written(each.target, UNSEEN, created=False)
            elif each.write.if_version not in (None, now.version):
                batch.outcomes[each.place] = moved(batch.shape.of.source, each.target)
        batch.doubt = None

    def _by_id(self, batch: Batch, ids: Sequence[str], fields: Sequence[str] = ()) -> dict[str, Row]:
        page, _ = self._reader.rows(batch.kind, ids, fields)
        found = {str(row["Id"]): row for row in page.rows}
        left = [each for each in ids if each not in found]
        return found | (self._by_id(batch, left, fields) if page.more and found and left else {})

    def _by_key(self, batch: Batch, key: str, values: Sequence[str]) -> list[Row]:
        texts = [batch.shape.select([key], soql.among(some, key)) for some in _short_lists(values)]
        return [row for text in texts for row in self._reader.query(batch.kind, text)[0].rows]

    # Sending

    def _send(self, batch: Batch) -> None:
        """Changes or upserts, what stands below them, and the versions afterwards, in one call."""
        writes = batch.open
        main = upserts if writes[0].verb[0] == "upsert" else updates
        steps = [*main(writes, batch.shape.of.source), *self._below(batch, writes)]
        asked = [Part("GET", f"query/?q={quote(text, safe='')}") for text in self._versions(batch, writes)]
        # Keys can be so long that their queries are too many; then ids, which are short, are asked for afterwards.
        asked = asked if len(asked) + sum(not step.single for step in steps) <= HEAVY else []
        looks = self._looks_ahead(batch)
        parts = [*(step.part for step in steps), *asked]
        if len(parts) + len(looks) > MOST_PARTS or sum(_heavy(part) for part in [*parts, *looks]) > HEAVY:
            looks = []
        call = self._transport.composite([*parts, *looks], batch.doing, whole=len(writes) == 1)
        if batch.looked is not None and time.monotonic() - batch.looked > LOOK_HOLDS:
            raise Unavailable(f"It took too long to {batch.doing}: somebody may have changed them meanwhile.")
        try:
            answers = answers_of(self._transport.once(call))
        except UnknownOutcome as error:
            batch.doubt = error
            for each in writes:
                batch.outcomes.pop(each.place, None)
            raise
        told = Told(batch)
        for step, answer in zip(steps, answers, strict=False):
            told.hear(step, answer)
        after = (
            self._rows(batch, answers[len(steps) : len(parts)])
            if asked
            else self._read_back(batch, list(told.ids.values()))
        )
        self._settle(told, writes, after)
        if looks and batch.following is not None:
            self._bring(batch.following, answers[len(parts) :])

    def _looks_ahead(self, batch: Batch) -> list[Part]:
        """The look at what is written next goes with this call. Not with a single row, which goes all or nothing."""
        following = batch.following
        if following is None or len(batch.open) < 2 or not following.conditional:
            return []
        text = self._reader.rows_text(batch.kind, [each.target for each in following.open], ())
        return [Part("GET", f"queryAll/?q={quote(text, safe='')}")]

    def _bring(self, following: Batch, answers: Sequence[Answer]) -> None:
        """What came along counts only when it is all that was asked for."""
        try:
            pages = [
                self._reader.whole(following.kind, each.content)
                for each in answers
                if each.status == HTTPStatus.OK
            ]
        except CrmError:
            return
        if len(pages) == len(answers) and not any(one.more for one in pages):
            following.brought = {str(row["Id"]): row for page in pages for row in page.rows}

    def _versions(self, batch: Batch, writes: Sequence[Planned]) -> Iterator[str]:
        name = writes[0].verb[1] or "Id"
        for some in _short_lists([each.label for each in writes]):
            yield batch.shape.select(batch.fields, soql.among(some, name))

    def _rows(self, batch: Batch, answers: Sequence[Answer]) -> dict[str, Row]:
        """Rows after the writes by id; none where they could not be read, for the writes themselves succeeded."""
        try:
            pages = [self._reader.whole(batch.kind, each.content) for each in answers if each.status == 200]
        except CrmError:
            return {}
        return {str(row["Id"]): row for page in pages for row in page.rows}

    def _settle(self, told: "Told", writes: Sequence[Planned], after: Mapping[str, Row]) -> None:
        me = self._transport.token.user_id
        for each in writes:
            error, record_id = told.error(each), told.ids.get(each.place, each.write.id)
            if error is not None or record_id is None:
                told.batch.outcomes[each.place] = error or UnknownOutcome(
                    f"Nothing was said of {each.label}."
                )
                continue
            before, row = told.batch.before.get(each.target), after.get(record_id)
            seen = row is not None and _ours(told.batch.shape, before, row, me, bool(each.own))
            told.batch.outcomes[each.place] = _written(
                told.batch, record_id, row if seen else None, each.place in told.created
            )

    def _below(self, batch: Batch, writes: Sequence[Planned]) -> Iterator[Step]:
        """Rows below the records, sorted by object as Salesforce wants them."""
        rows = [(each, line) for each in writes for line in each.lines]
        made: list[tuple[Planned, Mapping[str, Any]]] = []
        for each in writes:
            for below, value in each.lent:
                held = below_of(batch.before.get(each.target, {}), below)
                if held and value is not None and len(writes) == 1:
                    yield _guarded(each, below, held[0], value)
                elif held and value is not None:
                    body = {"Id": held[0]["Id"], below.lends: value}
                    rows.append((each, row_of(below.source, body)))
                elif value is not None:
                    made.append((each, row_of(below.source, self._new(each, below, value))))
        rows.sort(key=lambda row: str(row[1]["attributes"]["type"]))
        yield from collection("PATCH", rows, own=False)
        yield from collection("POST", made, own=False)

    def _new(self, each: Planned, below: Below, value: object) -> dict[str, Any]:
        body: dict[str, Any] = {**below.begins, below.lends: value}
        if below.beside:
            body[below.beside[0]] = self._looked_up(below)
        key = each.write.key
        return body | (
            {below.up: dict([key])} if key and each.write.id is None else {below.parent: each.write.id}
        )

    def _looked_up(self, below: Below) -> str:
        assert below.beside is not None
        if below not in self._beside:
            _, source, where = below.beside
            found = self._reader.raw(soql.select(["Id"], source, where), f"read {source}")
            if not found:
                raise Rejected(f"{below.name} has no {source} to stand in; enable it in Salesforce.")
            self._beside[below] = str(found[0]["Id"])
        return self._beside[below]

    # Creating without a key

    def _create(self, batch: Batch) -> None:
        """Never sent twice: a call without an answer stays an unknown outcome."""
        writes, told = batch.open, Told(batch)
        for step in creations(writes, batch.shape.of.source):
            call = self._transport.composite([step.part], batch.doing)
            try:
                (answer,) = answers_of(self._transport.once(call))
            except UnknownOutcome as error:
                batch.outcomes |= {each.place: error for each in writes}
                return
            told.hear(step, answer)
        made = [each for each in writes if told.error(each) is None and each.place in told.ids]
        self._settle(told, writes, self._read_back(batch, [told.ids[each.place] for each in made]))
        self._lend(batch, [each for each in made if any(value is not None for _, value in each.lent)])

    def _read_back(self, batch: Batch, ids: Sequence[str]) -> dict[str, Row]:
        try:
            return self._by_id(batch, ids, batch.fields) if ids else {}
        except CrmError:
            return {}

    def _lend(self, batch: Batch, made: Sequence[Planned]) -> None:
        """Fields that stand below, now that there is something to stand below."""
        given = [
            Write({below.name: value for below, value in each.lent if value is not None}, id=_id(batch, each))
            for each in made
        ]
        for each, outcome in zip(made, self.write(batch.kind, given, batch.fields), strict=True):
            whole = replace(outcome, created=True) if isinstance(outcome, Written) else outcome
            batch.outcomes[each.place] = whole


@dataclass
class Told:
    """What the answers said of each write."""

    batch: Batch
    ids: dict[int, str] = field(default_factory=dict)
    created: set[int] = field(default_factory=set)
    errors: dict[int, list[CrmError]] = field(default_factory=dict)

    def hear(self, step: Step, answer: Answer) -> None:
        if answer.status >= 300:
            for each in step.writes:
                self._fail(step, each, answer)
        elif not step.single:
            for each, row in zip(step.writes, answer.content, strict=True):
                if not row["success"]:
                    self._fail(step, each, Answer(400, row["errors"], {}))
                elif step.own:
                    self.ids[each.place] = id18(row["id"])
                    made = row.get("created", each.verb[0] == "create")
                    self.created |= {each.place} if made else set()

    def error(self, each: Planned) -> CrmError | None:
        """The first error that is this write's own."""
        found = self.errors.get(each.place, [])
        return next((error for error in found if error.code not in HALTED), found[0] if found else None)

    def _fail(self, step: Step, each: Planned, answer: Answer) -> None:
        doing = f"write {self.batch.shape.of.source} {each.label}"
        error = refusal(answer, doing=doing, record=self.ids.get(each.place, each.write.id or ""))
        if step.own and each.write.id and error.code == "INVALID_CROSS_REFERENCE_KEY" and not error.fields:
            # In a collection, a row that does not exist.
            error = gone(self.batch.shape.of.source, each.write.id)
        if isinstance(error, Duplicate) and each.verb[1] in error.fields:
            # Another worker made it between Salesforce's look and its insert; next time it is updated.
            error = Unavailable(error.text, code=error.code, record=error.record, fields=error.fields)
        self.errors.setdefault(each.place, []).append(error)


def _written(batch: Batch, record_id: str, row: Row | None, created: bool) -> Written:
    """`row` is None when what stands there now is not only our work, or could not be read."""
    if row is None:
        return Written(record_id, UNSEEN, created)
    record = batch.shape.record(row, batch.fields) if batch.fields else None
    return Written(record_id, version_of(row, batch.shape.of), created, record)


def _ours(shape: Shape, before: Row | None, after: Row, me: str | None, own: bool) -> bool:
    """Whether all that differs from what was seen before is our work."""
    if not me:
        return True

    def by_us(row: Row) -> bool:
        return row.get("LastModifiedById") in (None, me)

    if own and not by_us(after):
        return False
    if before is None:
        return True
    known = {str(each["Id"]): stamps_of(each) for each in [before, *rows_of(before, shape.of)]}
    held = {str(each["Id"]): each for each in [after, *rows_of(after, shape.of)]}
    strange = [each for each, row in held.items() if known.get(each) != stamps_of(row) and not by_us(row)]
    return not strange and known.keys() <= held.keys()


def _guarded(each: Planned, below: Below, held: Row, value: Scalar) -> Step:
    """One row below, with a condition of its own: its record's does not see that somebody changed only this row."""
    since = {"If-Unmodified-Since": as_http_date(stamp_in(stamps_of(held)))}
    part = Part("PATCH", f"sobjects/{below.source}/{held['Id']}", {below.lends: value}, since)
    return Step(part, (each,), own=False, single=True)


def _heavy(part: Part) -> bool:
    return part.path.startswith(("query", "composite/sobjects"))


def _names(write: Write) -> Iterator[str]:
    yield from (name for name in write.values if name != LINES)
    for line in lines_in(write.values):
        yield from (f"{LINES}.{name}" for name in line)


def _id(batch: Batch, each: Planned) -> str:
    outcome = batch.outcomes[each.place]
    assert isinstance(outcome, Written)
    return outcome.id


def _short_lists(values: Sequence[str]) -> Iterator[list[str]]:
    """Cut so that each fits into an address."""
    some: list[str] = []
    length = 0
    for value in values:
        its_length = len(quote(soql.literal(value))) + 6
        if some and length + its_length > LONGEST_LIST:
            yield some
            some, length = [], 0
        some.append(value)
        length += its_length
    if some:
        yield some
