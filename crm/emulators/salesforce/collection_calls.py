"""composite/sobjects: up to 200 rows in one call, each with its own outcome."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from werkzeug.wrappers import Response

from . import errors, values
from .answers import Call, json
from .errors import ApiError
from .ids import to_18
from .row_calls import columns_of
from .rows import Row
from .schema import Field, SObject
from .soql_plan import Planner

MOST_ROWS, MOST_CHUNKS, MOST_READ = 200, 10, 2000
Given = Mapping[str, object]
Outcome = dict[str, object]


def create(call: Call) -> Response:
    body = call.body()
    records = _records(body, MOST_ROWS)
    objects = _objects(call, records)

    def one(place: int) -> Outcome:
        return _done(call.org.writes.create(objects[place], _fields(records[place])))

    return _each(call, len(records), _all_or_none(call, body), one)


def change(call: Call) -> Response:
    body = call.body()
    records = _records(body, MOST_ROWS)
    objects = _objects(call, records)

    def one(place: int) -> Outcome:
        row_id = _id(records[place])
        return _done(call.org.writes.change(objects[place], row_id, _fields(records[place], "Id")))

    return _each(call, len(records), _all_or_none(call, body), one)


def upsert(call: Call) -> Response:
    body, item = call.body(), call.item
    records = _records(body, MOST_ROWS)
    _objects(call, records)
    key = item.field(call.args["key"])
    if key is None or not (key.external_id or key.name == "Id"):
        raise errors.no_such_key(call.args["key"])
    wanted = [_folded_key(record, key) for record in records]

    def one(place: int) -> Outcome:
        if wanted[place] and wanted.count(wanted[place]) > 1:
            text = f"Duplicate external id specified: {_value(records[place], key)}"
            raise ApiError(400, "DUPLICATE_VALUE", text, [key.name])
        return _upserted(call, item, key, records[place])

    return _each(call, len(records), _all_or_none(call, body), one)


def delete(call: Call) -> Response:
    ids = [text for text in call.request.args.get("ids", "").split(",") if text]
    if len(ids) > MOST_ROWS:
        raise errors.too_many(MOST_ROWS)
    whole = call.request.args.get("allOrNone", "").lower() == "true"

    def one(place: int) -> Outcome:
        item = _object_of_id(call, ids[place])
        row = call.org.writes.live(item, ids[place])
        call.org.writes.delete(item, row.id)
        return _done(row)

    return _each(call, len(ids), whole or call.all_or_none, one)


def read(call: Call) -> Response:
    """Rows by id, in the order asked for; null where there is none."""
    ids, fields = _wish(call)
    if len(ids) > MOST_READ:
        raise errors.too_many(MOST_READ)
    planner = Planner(call.org.schema, call.org.rows, call.data_url)
    columns = columns_of(call.item, fields)
    found = [_live(call, row_id) for row_id in ids]
    return json([planner.record(call.item, columns, row) if row else None for row in found])


def _wish(call: Call) -> tuple[list[str], list[str]]:
    if call.request.method == "GET":
        return tuple(call.request.args.get(name, "").split(",") for name in ("ids", "fields"))  # type: ignore[return-value]
    body = call.body()
    ids, fields = body.get("ids"), body.get("fields")
    if not isinstance(ids, list) or not isinstance(fields, list):
        raise errors.unreadable("ids and fields must be lists")
    return [str(item) for item in ids], [str(item) for item in fields]


def _live(call: Call, row_id: str) -> Row | None:
    full = to_18(row_id)
    row = call.org.rows.find(full) if full else None
    return row if row is not None and row.live and row.object == call.item.name else None


def _each(call: Call, count: int, whole: bool, one: Callable[[int], Outcome]) -> Response:
    mark = call.org.rows.mark()
    outcomes = [_attempt(call, one, place) for place in range(count)]
    if whole and not all(outcome["success"] for outcome in outcomes):
        call.org.rows.undo(mark)
        outcomes = [_failed(errors.rolled_back()) if outcome["success"] else outcome for outcome in outcomes]
    return json(outcomes)


def _attempt(call: Call, one: Callable[[int], Outcome], place: int) -> Outcome:
    mark = call.org.rows.mark()
    try:
        return one(place)
    except ApiError as refusal:
        call.org.rows.undo(mark)
        return _failed(_NO_ROW if refusal.code == "NOT_FOUND" else refusal)


# Inside a collection a row that is not there is a bad reference, not an unknown address.
_NO_ROW = ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])


def _failed(refusal: ApiError) -> Outcome:
    return {"success": False, "errors": [refusal.in_collection()]}


def _done(row: Row, **more: object) -> Outcome:
    return {"id": row.id, "success": True, "errors": [], **more}


def _upserted(call: Call, item: SObject, key: Field, record: Given) -> Outcome:
    value = _value(record, key)
    if value is None and key.name != "Id":
        raise ApiError(400, "MISSING_ARGUMENT", f"{key.name} not specified", [])
    rest = _fields(record, "Id", key.name)
    if key.name == "Id":
        row = call.org.writes.change(item, str(value), rest) if value else call.org.writes.create(item, rest)
        return _done(row, created=not value)
    found = call.org.rows.holding(item, key, values.accept(key, value))
    if len(found) > 1:
        text = f"more than one record found for external id field: [{', '.join(row.id for row in found)}]"
        raise ApiError(400, "INVALID_FIELD", text, [key.name])
    if found:
        return _done(call.org.writes.change(item, found[0].id, rest), created=False)
    return _done(call.org.writes.create(item, {**rest, key.name: value}), created=True)


def _value(record: Given, key: Field) -> object:
    return next((value for name, value in record.items() if name.lower() == key.name.lower()), None)


def _folded_key(record: Given, key: Field) -> str:
    return str(_value(record, key) or "").casefold()


def _all_or_none(call: Call, body: Given) -> bool:
    return call.all_or_none or body.get("allOrNone") is True


def _records(body: Given, most: int) -> list[Given]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise errors.unreadable("records must be a list of objects")
    if len(records) > most:
        raise errors.too_many(most)
    return records


def _objects(call: Call, records: Sequence[Given]) -> list[SObject]:
    """The object of each record; at most ten runs of the same object in one call."""
    names = [_type(record) for record in records]
    if len(list(groupby(names))) > MOST_CHUNKS:
        text = f"Records are in more than {MOST_CHUNKS} chunks; sort them by type"
        raise ApiError(400, "EXCEEDED_MAX_TYPES_LIMIT", text)
    return [_known(call, name) for name in names]


def _type(record: Given) -> str:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise ApiError(400, "INVALID_TYPE", "Object type must be specified in attributes of each record")
    return name


def _known(call: Call, name: str) -> SObject:
    item = call.org.schema.find(name)
    if item is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return item


def _object_of_id(call: Call, row_id: str) -> SObject:
    item = call.org.schema.of_id(row_id)
    if item is None or to_18(row_id) is None:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {row_id}", [])
    return item


def _id(record: Given) -> str:
    row_id = next((value for name, value in record.items() if name.lower() == "id"), None)
    if not isinstance(row_id, str):
        raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call", [])
    return row_id


def _fields(record: Given, *without: str) -> dict[str, object]:
    left_out = {"attributes", *(name.lower() for name in without)}
    return {name: value for name, value in record.items() if name.lower() not in left_out}
