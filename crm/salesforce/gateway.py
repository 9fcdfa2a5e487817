"""The Salesforce gateway: the port's verbs, handed to reading, changes and writing."""

# ruff: noqa: A002  (`id` is the port's word)

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from crm.errors import CrmError, Misconfigured
from crm.http import TIMEOUT, Retries, checked_url, open_session
from crm.port import (
    LINES,
    Capabilities,
    Check,
    FieldInfo,
    Outcome,
    Page,
    Pass,
    Record,
    Value,
    Values,
    Write,
    Written,
)
from crm.salesforce import soql
from crm.salesforce.auth import Tokens, sign_in_from
from crm.salesforce.batches import Batches
from crm.salesforce.changes import Changes
from crm.salesforce.kinds import Kind
from crm.salesforce.planning import ROWS
from crm.salesforce.reading import Reader
from crm.salesforce.shapes import Shapes
from crm.salesforce.transport import Call, Transport
from crm.salesforce.writing import Writer

# REST versions below 31.0 are gone and answer 410; today's organisations serve this one.
VERSION = "64.0"

# Read again before each watermark, for rows whose transaction took long. Our judgement, no figure of Salesforce.
OVERLAP = timedelta(minutes=5)


@dataclass(frozen=True)
class Options:
    # Field names per kind that `check` looks for.
    expected: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # More kinds, or other objects for known ones: {"order": "Order"}.
    objects: Mapping[str, str | Kind] = field(default_factory=dict)
    version: str = VERSION
    overlap: timedelta = OVERLAP
    # Seconds for which the time of an earlier answer serves as the present; saves the call that asks for it.
    clock_age: float = 0.0
    # Rows of a page, at most 2000.
    page_size: int = 2000
    # Seconds to connect, seconds of silence while reading.
    timeout: tuple[float, float] = TIMEOUT
    retries: Retries = field(default_factory=Retries)


def open_gateway(url: str, credentials: Mapping[str, str], **options: Any) -> "SalesforceGateway":
    """A gateway to the organisation at a My Domain address (https://acme.my.salesforce.com).

    `credentials`: see `sign_in_from`; further arguments are those of `Options`. Nothing is called yet. Raises
    Misconfigured for an address or credentials that cannot be.
    """
    chosen = Options(**options)
    address = checked_url(url)
    sign_in = sign_in_from(credentials, address)
    session = open_session(address, chosen.timeout)
    tokens = Tokens(address, sign_in, session, retries=chosen.retries)
    transport = Transport(session, tokens, version=chosen.version, retries=chosen.retries)
    return SalesforceGateway(address, transport, chosen)


class SalesforceGateway:
    """Implements crm.port.Gateway; open it with `open_gateway`."""

    capabilities = Capabilities(writes_at_once=ROWS)

    def __init__(self, address: str, transport: Transport, options: Options) -> None:
        self._address = address
        self._transport = transport
        self._shapes = Shapes(transport, options.objects)
        self._reader = Reader(transport, self._shapes, options.page_size, options.clock_age)
        self._changes = Changes(self._reader, options.overlap)
        self._writer = Writer(transport, self._reader)
        self._batches = Batches(transport, self._reader, self._writer)
        self._expected = dict(options.expected) or {"account": (), "contact": ()}

    def describe(self, kind: str) -> tuple[FieldInfo, ...]:
        return self._shapes.describe(kind)

    def prepare(self, passes: Sequence[Pass]) -> None:
        self._shapes.learn([one.kind for one in passes])
        self._changes.prepare(passes)

    def changed_since(self, kind: str, fields: Sequence[str], watermark: str | None) -> Iterator[Page]:
        return self._changes.since(kind, fields, watermark)

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Record, ...]:
        return self._reader.read(kind, ids, fields)

    def find(self, kind: str, field: str, value: Value, fields: Sequence[str]) -> tuple[Record, ...]:
        return self._reader.find(kind, field, value, fields)

    def create(self, kind: str, values: Values, key: tuple[str, str] | None) -> Written:
        if self._shapes.kind(kind).below:
            return self._one(kind, Write(values, key=key))
        return self._writer.create(kind, values, key)

    def update(self, kind: str, id: str, values: Values, if_version: str | None) -> Written:
        if self._shapes.kind(kind).below:
            return self._one(kind, Write(values, id, if_version))
        return self._writer.update(kind, id, values, if_version)

    def write_many(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str] = ()
    ) -> tuple[Outcome, ...]:
        return self._batches.write(kind, writes, fields)

    def _one(self, kind: str, write: Write) -> Written:
        """What stands in several rows is written in one call, all of it or nothing."""
        (outcome,) = self._batches.write(kind, [write])
        if isinstance(outcome, CrmError):
            raise outcome
        return outcome

    def close(self) -> None:
        self._transport.close()

    def check(self) -> Check:
        """Logs in, reads the quota, describes each expected kind and names the fields that do not show."""
        try:
            user = self._user()
            missing = self._missing()
        except CrmError as error:
            return Check(ok=False, user="", text=error.text, quota=self._transport.quota)
        text = _lacks(missing, user) if missing else self._fine(user)
        names = tuple(f"{kind}.{name}" for kind, name in missing)
        return Check(not missing, user, text, self._quota(), names)

    def _user(self) -> str:
        """The integration user's name; its id where the name is not to be read."""
        user_id = self._transport.token.user_id
        if not user_id:
            return "the integration user"
        text = soql.select(["Username"], "User", soql.among([user_id]))
        try:
            reply = self._transport.send(
                Call("GET", "query/", "read the integration user", params={"q": text})
            )
        except Misconfigured:
            return user_id
        rows = reply.body["records"]
        return str(rows[0]["Username"]) if rows else user_id

    def _missing(self) -> list[tuple[str, str]]:
        """(object, field) for each expected field that is absent or hidden."""
        shown = {kind: {info.name for info in self._shapes.describe(kind)} for kind in self._expected}
        return [
            (kind, name)
            for kind, names in self._expected.items()
            for name in dict.fromkeys(names)
            if "." not in name.removeprefix(LINES + ".") and name not in shown[kind]
        ]

    def _quota(self) -> str | None:
        try:
            daily = self._transport.send(Call("GET", "limits/", "read the limits")).body["DailyApiRequests"]
        except (Misconfigured, KeyError):
            # Not every integration user may read the limits; each answer's header tells the same.
            return self._transport.quota
        return f"{daily['Max'] - daily['Remaining']} of {daily['Max']} API calls in 24 hours"

    def _fine(self, user: str) -> str:
        objects = ", ".join(self._reader.source(kind) for kind in self._expected)
        where = urlsplit(self._address).netloc
        return f"Logged in to {where} as {user}. Every field that is needed shows, in: {objects}."


def _lacks(missing: Sequence[tuple[str, str]], user: str) -> str:
    listed = ", ".join(f"{name} ({kind})" for kind, name in missing)
    return (
        f"Salesforce does not show {user} the fields {listed}: create those that do not exist (Setup, Object "
        "Manager), then grant read and edit access to them in a permission set of this user (field-level security)."
    )
