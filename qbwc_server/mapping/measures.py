"""Converters of numbers, dates and yes/no, with the lexical rules of qbXML's simple types."""

from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from qbwc_server.mapping.conversion import Converted, Target
from qbwc_server.mapping.value import Value, as_text

# TxnDate: 1901-01-01 to 9999-12-31 (Onscreen Reference).
FIRST_DATE = date(1901, 1, 1)

_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def amount_to_books(value: Value, target: Target) -> Converted:
    """AMTTYPE: up to 13 digits, always two decimals."""
    return _rounded(_decimal(value, target), target, decimals=2, digits=13)


def number_to_books(value: Value, target: Target) -> Converted:
    """QUANTYPE, PRICETYPE, PERCENTTYPE: up to 10 digits and five decimals."""
    converted = _rounded(_decimal(value, target), target, decimals=5, digits=10)
    assert isinstance(converted.value, Decimal)
    return Converted(_plain(converted.value), converted.lost)


def amount_to_crm(value: Value, target: Target) -> Converted:
    return Converted(_decimal(value, target))


def applied_to_crm(value: Value, target: Target) -> Converted:
    """InvoiceRet/AppliedAmount: whether a payment shows as negative is confirmed nowhere, its size is the same."""
    return Converted(_decimal(value, target).copy_abs())


def number_to_crm(value: Value, target: Target) -> Converted:
    return Converted(_plain(_decimal(value, target)))


def _decimal(value: Value, target: Target) -> Decimal:
    """Answers may print a percent sign after a number; a float never becomes money."""
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(value.strip().removesuffix("%") if isinstance(value, str) else value)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise target.refusal(
        f"{target.field} is {as_text(value)!r}, which is not a number. Correct it in {target.source}.",
        value,
        "not_a_number",
    )


def _rounded(number: Decimal, target: Target, *, decimals: int, digits: int) -> Converted:
    if number.copy_abs() >= Decimal(10) ** digits:
        raise target.refusal(
            f"{target.field} is {number:f}, more than {digits} digits before the decimal point. "
            f"Correct it in {target.source}.",
            number,
            "out_of_range",
        )
    rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    if rounded == number:
        return Converted(rounded)
    if target.too_long == "refuse":
        raise target.refusal(
            f"{target.field} is {number:f}, QuickBooks keeps {decimals} decimals. "
            f"Round it in {target.source}.",
            number,
            "decimals",
        )
    return Converted(rounded, f"{target.field} was rounded from {number:f} to {rounded:f}.")


def _plain(number: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent, so that equal numbers read equal."""
    return Decimal(format(number.normalize(), "f"))


def date_to_books(value: Value, target: Target) -> Converted:
    day = _day(value, target)
    if day < FIRST_DATE:
        raise target.refusal(
            f"{target.field} is {day.isoformat()}, QuickBooks knows dates from {FIRST_DATE.isoformat()}. "
            f"Correct it in {target.source}.",
            value,
            "out_of_range",
        )
    return Converted(day)


def date_to_crm(value: Value, target: Target) -> Converted:
    return Converted(_day(value, target))


def _day(value: Value, target: Target) -> date:
    """A moment belongs to the day it is in the company's zone."""
    if isinstance(value, datetime):
        return _in_zone(value, _zone(target), target).date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(as_text(value)[:10])
    except ValueError:
        raise target.refusal(
            f"{target.field} is {as_text(value)!r}, which is not a date (YYYY-MM-DD). "
            f"Correct it in {target.source}.",
            value,
            "not_a_date",
        ) from None


def datetime_to_books(value: Value, target: Target) -> Converted:
    """The company's wall time as text without offset: QuickBooks reads local time only."""
    wall = _in_zone(_moment(value, target), _zone(target), target).replace(microsecond=0)
    twice = f"{target.field} falls into the hour that the clock repeats." if wall.fold else None
    return Converted(wall.replace(tzinfo=None).isoformat(), twice)


def datetime_to_crm(value: Value, target: Target) -> Converted:
    return Converted(_in_zone(_moment(value, target), UTC, target))


def _in_zone(moment: datetime, zone: tzinfo, target: Target) -> datetime:
    """The first day of the year 1 and the last of 9999 have no other zone's time."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        raise target.refusal(
            f"{target.field} is {as_text(moment)}, beyond the calendar. Correct it in {target.source}.",
            moment,
            "out_of_range",
        ) from None


def _moment(value: Value, target: Target) -> datetime:
    """Text is a wall time of QuickBooks: the offset it prints is wrong for half the year, and dropped."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    try:
        return datetime.fromisoformat(as_text(value)).replace(tzinfo=_zone(target))
    except ValueError:
        raise target.refusal(
            f"{target.field} is {as_text(value)!r}, which is not a date with time. "
            f"Correct it in {target.source}.",
            value,
            "not_a_moment",
        ) from None


def _zone(target: Target) -> ZoneInfo:
    if target.zone is None:
        raise target.refusal(
            f"{target.field} needs the time zone of the company. Set it in the company's settings.",
            None,
            "no_zone",
        )
    return ZoneInfo(target.zone)


def boolean(value: Value, target: Target) -> Converted:
    """xsd boolean and the words people use for it; both directions are the same."""
    truth = _TRUTH.get(as_text(value).strip().casefold())
    if truth is None:
        raise target.refusal(
            f"{target.field} is {as_text(value)!r}, neither yes nor no. Correct it in {target.source}.",
            value,
            "not_a_boolean",
        )
    return Converted(truth)
