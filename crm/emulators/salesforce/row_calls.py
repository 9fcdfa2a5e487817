"""sobjects/X and sobjects/X/{id}: single rows, and their upsert by external id."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from werkzeug.wrappers import Response

from . import describe, errors, values
from .answers import Call, json, nothing
from .errors import ApiError
from .ids import to_18
from .rows import Row
from .schema import Field, SObject
from .soql_plan import Column, Planner
from .times import parse_http_date

# From this version on an upsert that updates answers 200 with a body; before, 204 (README, "Marks").
_UPSERT_BODY_SINCE = 46.0


def about(call: Call) -> Response:
    item = call.item
    recent: list[object] = []
    return json({"objectDescribe": describe.brief(item, call.data_url), "recentItems": recent})


def described(call: Call) -> Response:
    return json(describe.full(call.item, call.org.schema, call.data_url))


def listed(call: Call) -> Response:
    items = [describe.brief(item, call.data_url) for item in call.org.schema.all()]
    return json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": items})


def create(call: Call) -> Response:
    row = call.org.writes.create(call.item, call.body())
    return created(call, row)


def created(call: Call, row: Row, **more: object) -> Response:
    response = json({"id": row.id, "success": True, "errors": [], **more}, 201)
    response.headers["Location"] = f"{call.data_url}/sobjects/{row.object}/{row.id}"
    return response


def read(call: Call) -> Response:
    item = call.item
    row = call.org.writes.live(item, call.args["id"])
    if _known_already(call, item, row):
        return Response(status=304)
    _unmoved(call, item, row)
    return _shown(call, item, row)


def read_by_key(call: Call) -> Response:
    item, key = call.item, _key(call)
    rows = _holding(call, item, key)
    if not rows:
        raise errors.not_found()
    return _one_of(call, rows) or _shown(call, item, rows[0])


def change(call: Call) -> Response:
    item = call.item
    row = call.org.writes.live(item, call.args["id"])
    _unmoved(call, item, row)
    call.org.writes.change(item, row.id, call.body())
    return nothing()


def delete(call: Call) -> Response:
    call.org.writes.delete(call.item, call.args["id"])
    return nothing()


def upsert(call: Call) -> Response:
    item, key, body = call.item, _key(call), call.body()
    for name in body:
        if name.lower() in ("id", key.name.lower()):
            raise errors.not_in_body(name)
    rows = _holding(call, item, key)
    if rows:
        return _one_of(call, rows) or _updated(call, item, rows[0], body)
    if call.request.args.get("updateOnly", "").lower() == "true":
        raise errors.not_found()
    row = call.org.writes.create(item, {**body, key.name: call.args["value"]})
    return created(call, row, created=True)


def delete_by_key(call: Call) -> Response:
    item, key = call.item, _key(call)
    rows = _holding(call, item, key)
    if not rows:
        raise errors.not_found()
    answer = _one_of(call, rows)
    if answer is None:
        call.org.writes.delete(item, rows[0].id)
    return answer or nothing()


def _updated(call: Call, item: SObject, row: Row, body: dict[str, object]) -> Response:
    call.org.writes.change(item, row.id, body)
    if float(call.version) < _UPSERT_BODY_SINCE:
        return nothing()
    return json({"id": row.id, "success": True, "errors": [], "created": False})


def _one_of(call: Call, rows: list[Row]) -> Response | None:
    """300 when more than one row holds the value."""
    if len(rows) == 1:
        return None
    return json([f"{call.data_url}/sobjects/{row.object}/{row.id}" for row in rows], 300)


def _key(call: Call) -> Field:
    item = call.item
    key = item.field(call.args["key"])
    if key is None or not (key.external_id or key.name == "Id"):
        raise errors.no_such_key(call.args["key"])
    return key


def _holding(call: Call, item: SObject, key: Field) -> list[Row]:
    value = call.args["value"]
    if key.name == "Id":
        full = to_18(value)
        row = call.org.rows.find(full) if full else None
        return [row] if row is not None and row.live and row.object == item.name else []
    return call.org.rows.holding(item, key, values.accept(key, value))


def _shown(call: Call, item: SObject, row: Row) -> Response:
    planner = Planner(call.org.schema, call.org.rows, call.data_url)
    wanted = call.request.args.get("fields")
    names = wanted.split(",") if wanted else [field.name for field in item.fields]
    response = json(planner.record(item, columns_of(item, names), row))
    response.headers["Last-Modified"] = row.time("LastModifiedDate").strftime("%a, %d %b %Y %H:%M:%S GMT")
    if item.etag:
        response.headers["ETag"] = _etag(row)
    return response


def columns_of(item: SObject, names: Iterable[str]) -> list[Column]:
    return [Column(_field(item, name.strip())) for name in names]


def _field(item: SObject, name: str) -> Field:
    field = item.field(name)
    if field is None:
        raise errors.no_such_column(name, item.name)
    return field


def _known_already(call: Call, item: SObject, row: Row) -> bool:
    """Whether the client has this state of the row: `If-None-Match` (Account), `If-Modified-Since`."""
    if item.etag and "If-None-Match" in call.request.headers:
        return _named_tag(call, "If-None-Match", _etag(row))
    since = _date_of(call, "If-Modified-Since")
    return since is not None and row.time("LastModifiedDate") <= since


def _unmoved(call: Call, item: SObject, row: Row) -> None:
    """Conditional requests: `If-Match` for Account rows, `If-Unmodified-Since` for every object's."""
    asked = call.request.headers.get("If-Match")
    if item.etag and asked and not _named_tag(call, "If-Match", _etag(row)):
        raise errors.stale()
    since = _date_of(call, "If-Unmodified-Since")
    if since is not None and row.time("LastModifiedDate") > since:
        raise errors.stale()


def _date_of(call: Call, header: str) -> datetime | None:
    text = call.request.headers.get(header)
    if text is None:
        return None
    since = parse_http_date(text)
    if since is None:
        raise ApiError(400, "INVALID_HEADER", f"{header} is not an HTTP date: {text}")
    return since


def _named_tag(call: Call, header: str, tag: str) -> bool:
    names = [name.strip().removeprefix("W/") for name in call.request.headers.get(header, "").split(",")]
    return tag in names or "*" in names


def _etag(row: Row) -> str:
    digest = hashlib.sha256(repr(sorted(row.values.items())).encode()).hexdigest()
    return f'"{digest[:32]}"'
