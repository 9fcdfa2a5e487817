"""sobjects/X/updated and /deleted: what changed in a span of time, and how far that can be relied on."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from werkzeug.wrappers import Response

from . import errors
from .answers import Call, json
from .times import parse_stamp, wire

UPDATES_KNOWN = timedelta(days=30)
DELETES_KNOWN = timedelta(days=15)
_MINUTE = timedelta(minutes=1)


def updated(call: Call) -> Response:
    start, end = _span(call, UPDATES_KNOWN)
    rows = [row for row in call.org.rows.every(call.item.name) if row.live and start <= row.stamp < end]
    _few_enough(call, rows)
    return json({"ids": [row.id for row in rows], "latestDateCovered": wire(covered(call, end))})


def deleted(call: Call) -> Response:
    start, end = _span(call, DELETES_KNOWN)
    known_since = _known_since(call)
    graves = [
        (row.id, row.deleted_at)
        for row in call.org.rows.graves(call.item.name)
        if row.deleted_at is not None and max(start, known_since) <= row.deleted_at < end
    ]
    _few_enough(call, graves)
    return json(
        {
            "deletedRecords": [{"id": row_id, "deletedDate": wire(when)} for row_id, when in graves],
            "earliestDateAvailable": wire(known_since),
            "latestDateCovered": wire(covered(call, end)),
        }
    )


def covered(call: Call, end: datetime) -> datetime:
    """Not past the start of the oldest open transaction, nor past the present less the lag."""
    present = call.org.clock.now() - call.org.settings.replication_lag
    started = (held.started for held in call.org.rows.open)
    return _minute(min([end, present, *started]))


def _span(call: Call, known: timedelta) -> tuple[datetime, datetime]:
    """Start and end without their seconds, which the service ignores."""
    start, end = (_moment(call, name) for name in ("start", "end"))
    if end - start <= _MINUTE:
        # These are the service's own words, the wrong way round.
        raise errors.replication_date("startDate must be at least one minute greater than endDate")
    if start < call.org.clock.now() - known - _MINUTE:
        raise errors.replication_date(f"startDate cannot be more than {known.days} days ago")
    return start, end


def _moment(call: Call, name: str) -> datetime:
    text = call.request.args.get(name, "")
    stamp = parse_stamp(text)
    if stamp is None:
        raise errors.ApiError(400, "INVALID_FIELD", f"{name} is not a date and time: {text}")
    return _minute(stamp)


def _known_since(call: Call) -> datetime:
    fifteen_days = call.org.clock.second() - DELETES_KNOWN
    purged_until = call.org.settings.deletes_known_since
    return fifteen_days if purged_until is None else max(fifteen_days, purged_until)


def _few_enough(call: Call, found: Iterable[object]) -> None:
    most = call.org.settings.replication_ids
    if len(list(found)) > most:
        raise errors.ApiError(400, "EXCEEDED_ID_LIMIT", f"More than {most} records; ask for a shorter span")


def _minute(stamp: datetime) -> datetime:
    return stamp.replace(second=0, microsecond=0)
