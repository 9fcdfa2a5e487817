"""The port every CRM gateway fills, and the words used in it.

kind        what sort of record: a neutral lower-case word (account, contact, product, invoice). A gateway
            keeps the table from kinds to its vendor's object names.
field       the vendor's own API name ("BillingCity", "QB_ListID__c"), never translated: it is the name that
            the CRM's administrator knows.
id          the vendor's identifier in its one canonical spelling (Salesforce: 18 characters).
version     opaque text that changes whenever the record changes. Compare for equality only. Some vendors
            stamp by the second, so equal versions do not prove equal content.
modified    the vendor's own stamp of the last change, aware UTC; when the change began, not when it became
            visible.
tombstone   a Record with deleted=True and no values: deleted, or no longer visible to the integration user.
watermark   opaque text: how far one kind was read. Only the gateway that made it can read it. Store it in the
            transaction that stored the last page; passing an old one is always safe.
pass        one run through `changed_since`, from its first page to the page that carries the watermark.
line        a part of a record that is no record of its own to us, such as a product of an opportunity. A kind
            that has lines shows them under the name "lines": a list of dicts in the CRM's order, each with
            its "Id". Their fields are asked for and described as "lines.Quantity".
external key  a field that is unique in the CRM and that we fill ourselves; the ground of "never two records".

Values are str, int, Decimal, bool, date, datetime (aware UTC) or None; never float. None, the empty field,
clears when written. A field that is not named in a write stays as it is. Lines are written in the form they are
read in, each named by its "Id": {"lines": [{"Id": "00k...", "QB_TxnLineID__c": "1A-2"}]}; lines and fields of lines
that are not named stay, and lines are neither made nor removed.

One gateway object may be used by several threads at once. Every method may raise `Unavailable`,
`LimitedUntil`, `LoginFailed` or `Misconfigured`; the others are named where they belong (see crm.errors).
"""

# ruff: noqa: A002  (`id` is the word of every CRM)

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias

from crm.errors import CrmError

Scalar: TypeAlias = str | int | Decimal | bool | date | datetime | None
Line: TypeAlias = Mapping[str, Scalar]
# A sequence of lines is the value of "lines" and of nothing else.
Value: TypeAlias = Scalar | Sequence[Line]
Values: TypeAlias = Mapping[str, Value]

FieldType: TypeAlias = Literal[
    "id",
    "text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "datetime",
    "choice",
    "choices",  # several at once, as one text in the vendor's own spelling
    "reference",  # holds another record's id
    "other",  # readable at best: compound addresses, binary content
]

# The name of the lines among a record's values.
LINES = "lines"

NO_VALUES: Values = MappingProxyType({})


@dataclass(frozen=True)
class Record:
    """The state of one CRM record at the moment it was read."""

    kind: str
    id: str
    version: str
    modified: datetime
    values: Values
    deleted: bool = False
    # The id of the surviving record when this one was merged away, where the vendor tells.
    merged_into: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of a pass. Only the last one has a watermark.

    `complete`, on the last page: the pass delivered every record that exists, so what is known from before
    and was not delivered in it no longer exists. True for a first read, and for a *watermark reset*: the
    vendor no longer knew what had been deleted since the watermark, so the gateway read everything again
    and says why in `note`.
    """

    records: tuple[Record, ...]
    watermark: str | None
    complete: bool = False
    note: str = ""


@dataclass(frozen=True)
class FieldInfo:
    """One field as the integration user sees it; a field without read permission is simply absent."""

    name: str
    type: FieldType
    # Characters; 0 where the type has no length.
    length: int = 0
    # Must be given on create.
    required: bool = False
    writable: bool = True
    unique: bool = False
    # Usable as `key` of `create`.
    external_key: bool = False
    # Allowed values; empty where anything goes.
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Capabilities:
    """What this vendor can do by itself; the engine finds another way for the rest."""

    # `create` with a key is an upsert; without it, look with `find` first and probe after a lost answer.
    upsert_by_key: bool = True
    # `update` refuses when the record moved; without it a moved record is caught by a read just before.
    conditional_update: bool = True
    # `changed_since` delivers tombstones; without it, deletions show only as missing in a complete pass.
    deletions: bool = True
    # Watermarks are made from the vendor's clock, not from ours.
    server_time: bool = True
    # How many records one call of `write_many` can carry; more are sent in several calls.
    writes_at_once: int = 1


@dataclass(frozen=True)
class Written:
    """What a write did. `version` is of the state just written, so a later edit by a user differs from it.

    `record`, of `write_many` with fields: the state just written as the CRM keeps it; None where somebody else has
    changed it meanwhile or it could not be read.
    """

    id: str
    version: str
    created: bool
    record: Record | None = None


@dataclass(frozen=True)
class Write:
    """One of many writes: a change of the record `id`, else a creation, an upsert where `key` is given."""

    values: Values
    id: str | None = None
    # Of a change: only while the record is at this version.
    if_version: str | None = None
    # Of a creation: (external key field, value).
    key: tuple[str, str] | None = None


# What became of one of many writes.
Outcome: TypeAlias = Written | CrmError


@dataclass(frozen=True)
class Check:
    """The result of trying an organisation's credentials and set-up.

    `text` is one sentence for a person: fine, or what is missing and how to cure it. `quota` tells the calls
    used and allowed in the vendor's own terms, None where it does not count.
    """

    ok: bool
    user: str
    text: str
    quota: str | None = None
    # Field names that were expected and are absent, as "kind.field".
    missing: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Pass:
    """A pass that is about to begin: what will be given to `changed_since`."""

    kind: str
    fields: tuple[str, ...]
    watermark: str | None


class Gateway(Protocol):
    """One CRM organisation, seen through one set of credentials."""

    @property
    def capabilities(self) -> Capabilities: ...

    def check(self) -> Check:
        """Try to log in and to see what a sync needs; what is wrong is an answer, not an exception."""
        ...

    def describe(self, kind: str) -> tuple[FieldInfo, ...]:
        """All fields of a kind that the integration user can see, asked anew each time."""
        ...

    def prepare(self, passes: Sequence[Pass]) -> None:
        """These passes follow at once: what they begin with, and the fields of their kinds, may be asked for together.

        Nothing depends on it but the number of calls. What is wrong with a kind shows when its own pass begins.
        """
        ...

    def changed_since(self, kind: str, fields: Sequence[str], watermark: str | None) -> Iterator[Page]:
        """Everything that changed since the watermark, page by page; None reads everything not deleted.

        May deliver the same record again, never skips one: rows that become visible late, equal stamps at a
        page boundary and changes made during the pass are the gateway's business. Within a pass the later
        delivery of a record is the newer. An abandoned pass costs nothing: start again with the old
        watermark.
        """
        ...

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Record, ...]:
        """The records in the order of `ids`; missing and deleted ones as tombstones."""
        ...

    def find(self, kind: str, field: str, value: Value, fields: Sequence[str]) -> tuple[Record, ...]:
        """All live records whose field equals the value; whole value, text without regard to case."""
        ...

    def create(self, kind: str, values: Values, key: tuple[str, str] | None) -> Written:
        """Make a record.

        With a key (external key field, value) an existing holder of the key is updated instead, so repeating
        the call never makes two. Raises Rejected, Duplicate, Ambiguous; without a key also UnknownOutcome.
        """
        ...

    def update(self, kind: str, id: str, values: Values, if_version: str | None) -> Written:
        """Change the named fields of one record, only while it is at `if_version` (None: whatever it is).

        Raises Stale, Missing, Rejected, Duplicate, UnknownOutcome.
        """
        ...

    def write_many(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str] = ()
    ) -> tuple[Outcome, ...]:
        """`create` and `update` of many records of a kind in as few calls as the vendor allows.

        `fields` are read back with the versions, at no further cost, and come as `Written.record`.

        One outcome per write, in their order: what `create` or `update` would return or raise. Each record stands
        for itself; where something stops them all (Unavailable, LimitedUntil, LoginFailed), those that were not
        written carry it. Writes to one record happen in their order. A refused line may leave the rest of its record
        written, where `update` writes all of it or nothing.
        """
        ...

    def close(self) -> None:
        """Give connections back. The gateway is not used afterwards."""
        ...
