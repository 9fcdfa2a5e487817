"""Writing one record at a time so that repeating never doubles and never overwrites what was not seen."""

from collections.abc import Mapping
from typing import Any

from simple_salesforce.format import format_external_id

from crm.errors import Ambiguous, CrmError, Duplicate, Misconfigured, Missing, Rejected, Stale, UnknownOutcome
from crm.http import as_http_date
from crm.port import Values, Written
from crm.salesforce import soql
from crm.salesforce.errors import Answer, refusal
from crm.salesforce.ids import id18
from crm.salesforce.reading import Reader
from crm.salesforce.transport import Call, Transport
from crm.salesforce.values import body_of, same_values, stamp_in, version_of

# The version of a write whose result nobody could see any more: it equals no version, so the next conditional
# update is Stale and reads first.
UNSEEN = "unseen"

# How often an update may be sent when each time its answer is lost and the record shows that it did not arrive.
UPDATE_ATTEMPTS = 3


class Writer:
    def __init__(self, transport: Transport, reader: Reader) -> None:
        self._transport = transport
        self._reader = reader

    def create(self, kind: str, values: Values, key: tuple[str, str] | None) -> Written:
        source = self._reader.source(kind)
        if key is not None:
            self.check_key(kind, *key)
            return self._upsert(kind, source, values, *key)
        reply = self._transport.send(
            Call("POST", f"sobjects/{source}/", f"create a record of {source}", body=body_of(values))
        )
        return self._written(kind, str(reply.body["id"]), created=True)

    def update(self, kind: str, record_id: str, values: Values, if_version: str | None) -> Written:
        record_id = id18(record_id)
        if if_version is not None:
            self._compare(kind, record_id, if_version)
        call = self._patch(kind, record_id, values, if_version)
        for attempt in range(1, UPDATE_ATTEMPTS + 1):
            try:
                self._transport.send(call)
                break
            except UnknownOutcome as error:
                if self._arrived(kind, record_id, values, if_version, error):
                    break
                if attempt == UPDATE_ATTEMPTS:
                    raise
        return self._written(kind, record_id, created=False)

    # Creating

    def check_key(self, kind: str, name: str, value: str) -> None:
        """An upsert is only safe by a field that Salesforce keeps unique, with a value that can be an address."""
        info = self._reader.types(kind, [name])[name]
        if not (info.external_key and info.unique):
            text = (
                f"{name} on {self._reader.source(kind)} must be an External ID and Unique, "
                "or records could be made twice; change the field in Salesforce."
            )
            raise Misconfigured(text, fields=(name,))
        if not value.strip(". "):
            raise Rejected(
                f"{value!r} cannot be a key in {name}; it needs letters or digits.", fields=(name,)
            )

    def _upsert(self, kind: str, source: str, values: Values, name: str, value: str) -> Written:
        # Salesforce refuses a body that repeats the key or names an id.
        body = {field: each for field, each in body_of(values).items() if field not in (name, "Id")}
        call = Call(
            "PATCH",
            f"sobjects/{source}/{format_external_id(name, value)}",
            f"write the {source} with {name} {value}",
            body=body,
            repeatable=True,
        )
        answer = self._send_upsert(call, source, body, name, value)
        if answer is None:
            # Older versions answer an update with an empty body.
            return self._written(kind, self._holder(kind, name, value), created=False)
        return self._written(kind, str(answer["id"]), created=bool(answer.get("created")))

    def _send_upsert(
        self, call: Call, source: str, body: Mapping[str, Any], name: str, value: str
    ) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] | None = self._transport.send(call).body
        except Missing:
            # An upsert has nothing to miss: Salesforce read an ending like ".inc" as a file type.
            return self._upsert_in_body(source, body, name, value)
        except Duplicate as error:
            if name not in error.fields:
                raise
            # Another worker made it between Salesforce's look and its insert; now it is there to be updated.
            answer = self._transport.send(call).body
        return answer

    def _upsert_in_body(
        self, source: str, body: Mapping[str, Any], name: str, value: str
    ) -> Mapping[str, Any]:
        """The collection call carries the key in its body, where no address can misread it."""
        record = {"attributes": {"type": source}, name: value, **body}
        doing = f"write the {source} with {name} {value}"
        call = Call(
            "PATCH",
            f"composite/sobjects/{source}/{name}",
            doing,
            body={"allOrNone": False, "records": [record]},
            repeatable=True,
        )
        (result,) = self._transport.send(call).body
        if not result["success"]:
            raise refusal(Answer(400, result["errors"], {}), doing=doing)
        answer: Mapping[str, Any] = result
        return answer

    def _holder(self, kind: str, name: str, value: str) -> str:
        found = [each.id for each in self._reader.find(kind, name, value, ())]
        if len(found) > 1:
            raise Ambiguous(
                f"{', '.join(found)} all hold {name} {value}; remove the double or clear its key."
            )
        if not found:
            raise UnknownOutcome(
                f"Salesforce accepted {name} {value}, but nothing shows it; look again later."
            )
        return found[0]

    # Updating

    def _patch(self, kind: str, record_id: str, values: Values, if_version: str | None) -> Call:
        source = self._reader.source(kind)
        # Best effort on top of the comparison: it closes the gap between our look and our write, by the second.
        unmoved = {"If-Unmodified-Since": as_http_date(stamp_in(if_version))} if if_version else {}
        body = {name: value for name, value in body_of(values).items() if name != "Id"}
        return Call(
            "PATCH",
            f"sobjects/{source}/{record_id}",
            f"update {source} {record_id}",
            body=body,
            headers=unmoved,
            record=record_id,
        )

    def _compare(self, kind: str, record_id: str, if_version: str) -> None:
        (now,) = self._reader.read(kind, [record_id], ())
        if now.deleted:
            raise gone(self._reader.source(kind), record_id)
        if now.version != if_version:
            raise moved(self._reader.source(kind), record_id)

    def _arrived(
        self, kind: str, record_id: str, values: Values, if_version: str | None, doubt: UnknownOutcome
    ) -> bool:
        """Whether an update without an answer took effect; raises Stale or Missing, or the doubt itself."""
        try:
            (now,) = self._reader.read(kind, [record_id], list(values))
        except CrmError as error:
            raise doubt from error
        if now.deleted:
            raise gone(self._reader.source(kind), record_id)
        if same_values(values, now.values):
            return True
        if if_version not in (None, now.version):
            raise Stale(
                f"{self._reader.source(kind)} {record_id} changed while it was updated; it is read and decided again.",
                record=record_id,
            )
        return False

    def _written(self, kind: str, record_id: str, *, created: bool) -> Written:
        record_id = id18(record_id)
        return Written(record_id, self._version_after(kind, record_id), created)

    def _version_after(self, kind: str, record_id: str) -> str:
        """The version of what was just written, or UNSEEN when somebody else wrote since or nothing can be read.

        The write itself succeeded and must be reported so, whatever happens to this look.
        """
        try:
            me = self._transport.token.user_id
            shape = self._reader.shape(kind)
            rows, _ = self._reader.query(kind, shape.select((), soql.among([record_id])))
        except CrmError:
            return UNSEEN
        moved = [row for row in rows.rows if me and row.get("LastModifiedById") not in (None, me)]
        return version_of(rows.rows[0], shape.of) if rows.rows and not moved else UNSEEN


def gone(source: str, record_id: str) -> Missing:
    text = f"{source} {record_id} was deleted in Salesforce or is not visible to the integration user."
    return Missing(text, code="ENTITY_IS_DELETED", record=record_id)


def moved(source: str, record_id: str) -> Stale:
    text = f"{source} {record_id} changed in Salesforce since it was read; it is read and decided again."
    return Stale(text, record=record_id)
