"""query, queryAll and the pages of a cursor."""

import re
from collections.abc import Callable

from werkzeug.wrappers import Response

from .answers import Call, json
from .cursors import Cursor
from .errors import ApiError
from .rows import Row
from .soql_plan import Plan, Planner

SMALLEST_PAGE, LARGEST_PAGE = 200, 2000
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def query(call: Call) -> Response:
    return _first_page(call, with_deleted=False)


def query_all(call: Call) -> Response:
    return _first_page(call, with_deleted=True)


def _text(call: Call) -> str:
    text = call.request.args.get("q")
    if text is None:
        raise ApiError(400, "MALFORMED_QUERY", "The q parameter is required for this resource.")
    return text


def in_one_page(call: Call, planner: Planner, find: Callable[[str], Row | None]) -> Response:
    """The answer from rows that stand outside the organisation's own."""
    plan = planner.plan(_text(call), with_deleted=False)
    rows = [row for row in map(find, plan.ids) if row is not None]
    records = [planner.record(plan.object, plan.columns, row) for row in rows] if plan.columns else []
    return json({"totalSize": len(plan.ids), "done": True, "records": records})


def more(call: Call) -> Response:
    cursor, first = call.org.cursors.find(call.args["locator"])
    return json(_page(call, cursor, first))


def _first_page(call: Call, *, with_deleted: bool) -> Response:
    plan = _planner(call).plan(_text(call), with_deleted=with_deleted)
    if not plan.columns:
        return json({"totalSize": len(plan.ids), "done": True, "records": []})
    size = page_size(call.request.headers.get("Sforce-Query-Options", ""), call.org.settings.page_size)
    return json(_page(call, call.org.cursors.open(plan, with_deleted=with_deleted, page_size=size), 0))


def _page(call: Call, cursor: Cursor, first: int) -> dict[str, object]:
    """The rows as they are now; a row that has gone since the query ran is left out."""
    planner, plan = _planner(call), cursor.plan
    last = first + cursor.page_size
    rows = [call.org.rows.find(row_id) for row_id in plan.ids[first:last]]
    answer: dict[str, object] = {"totalSize": len(plan.ids), "done": last >= len(plan.ids)}
    if last < len(plan.ids):
        answer["nextRecordsUrl"] = f"{call.data_url}/query/{cursor.locator}-{last}"
    answer["records"] = [
        planner.record(plan.object, plan.columns, row, with_deleted=cursor.with_deleted)
        for row in rows
        if row is not None and not row.purged and (row.live or cursor.with_deleted)
    ]
    return answer


def page_size(header: str, forced: int | None) -> int:
    """`batchSize` of a Sforce-Query-Options header, 200 to 2000, unless the organisation forces one."""
    asked = _BATCH_SIZE.search(header)
    size = int(asked[1]) if asked else LARGEST_PAGE
    return forced or min(max(size, SMALLEST_PAGE), LARGEST_PAGE)


def _planner(call: Call) -> Planner:
    return Planner(call.org.schema, call.org.rows, call.data_url, lambda plan: _below(call, plan))


def _below(call: Call, plan: Plan) -> dict[str, object]:
    """The rows of a subquery, with a cursor of their own where they are too many for the page."""
    size = call.org.settings.rows_below or LARGEST_PAGE
    return _page(call, call.org.cursors.open(plan, with_deleted=plan.with_deleted, page_size=size), 0)
