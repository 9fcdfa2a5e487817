from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbxml import WallTime
from qbxml.walltime import read_moment

NEW_YORK = ZoneInfo("America/New_York")
SYDNEY = ZoneInfo("Australia/Sydney")
PHOENIX = ZoneInfo("America/Phoenix")


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("2026-08-01T10:00:00-05:00", "2026-08-01T10:00:00"),
        ("2026-08-01T10:00:00+11:00", "2026-08-01T10:00:00"),
        ("2026-08-01T10:00:00", "2026-08-01T10:00:00"),
        ("2026-08-01T10:05", "2026-08-01T10:05:00"),
        ("2026-08-01T10", "2026-08-01T10:00:00"),
        ("2026-08-01", "2026-08-01T00:00:00"),
        ("2026-8-1T1:2:3", "2026-08-01T01:02:03"),
        (" 2026-08-01 ", "2026-08-01T00:00:00"),
    ],
)
def test_every_form_of_the_schema_is_read_and_the_offset_dropped(text: str, wall: str) -> None:
    assert WallTime.parse(text).text() == wall
    assert str(WallTime.parse(text)) == wall


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-01",
        "2026-02-30",
        "2026-08-01T24:00:00",
        "2026-08-01T10:00:00Z",
        "2026-08-01T10:00:00.5",
        "2026-08-01 10:00:00",
        "20260801",
        "2026-W31-6T10:00:00",
        "2026-08-01T10:00:00-05",
        "٢٠٢٦-08-01",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        WallTime.parse(text)
    with pytest.raises(ValueError):
        read_moment(text)


def test_a_leaf_with_a_day_only_stays_a_day() -> None:
    assert read_moment("2026-08-01") == date(2026, 8, 1)
    assert read_moment("2026-08-01T10:00:00-05:00") == WallTime.parse("2026-08-01T10:00:00")


def test_a_wall_time_has_no_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        WallTime(datetime(2026, 8, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="naive"):
        WallTime.from_utc(datetime(2026, 8, 1), NEW_YORK)  # noqa: DTZ001 - the mistake itself


# QuickBooks in New York prints -05:00 all year; the wall time is right, so summer is -04:00 (qbXML semantics 4)
@pytest.mark.parametrize(
    ("printed", "zone", "instant"),
    [
        ("2026-01-15T10:00:00-05:00", NEW_YORK, datetime(2026, 1, 15, 15, tzinfo=UTC)),
        ("2026-08-01T10:00:00-05:00", NEW_YORK, datetime(2026, 8, 1, 14, tzinfo=UTC)),
        ("2026-08-01T10:00:00+11:00", SYDNEY, datetime(2026, 8, 1, 0, tzinfo=UTC)),
        ("2026-01-15T10:00:00+11:00", SYDNEY, datetime(2026, 1, 14, 23, tzinfo=UTC)),
        ("2026-08-01T10:00:00-07:00", PHOENIX, datetime(2026, 8, 1, 17, tzinfo=UTC)),
    ],
)
def test_only_the_zone_of_the_company_makes_an_instant(
    printed: str, zone: ZoneInfo, instant: datetime
) -> None:
    wall = WallTime.parse(printed)
    assert wall.to_utc(zone) == instant
    assert wall.to_utc(zone).tzinfo is UTC
    assert WallTime.from_utc(instant, zone) == wall


def test_the_repeated_hour_of_autumn_means_its_first_pass() -> None:
    wall = WallTime.parse("2026-11-01T01:30:00")
    first, second = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert WallTime.from_utc(first, NEW_YORK) == WallTime.from_utc(second, NEW_YORK) == wall
    assert wall.to_utc(NEW_YORK) == first


def test_the_hour_that_spring_leaves_out_reads_as_if_the_clock_had_not_moved() -> None:
    wall = WallTime.parse("2026-03-08T02:30:00")
    assert wall.to_utc(NEW_YORK) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_wall_times_are_ordered_and_counted_back_on_the_clock_face() -> None:
    early, late = WallTime.parse("2026-03-08T01:00:00"), WallTime.parse("2026-03-08T03:00:00")
    assert early < late
    assert late.minus(timedelta(hours=2)) == early
    assert max(late, early) is late
    assert len({early, WallTime.parse("2026-03-08T01:00:00-05:00")}) == 1


def test_fractions_of_a_second_are_dropped() -> None:
    instant = datetime(2026, 8, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    assert WallTime.from_utc(instant, NEW_YORK).text() == "2026-08-01T08:00:00"


@given(instant=st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_returns_to_itself_or_to_the_first_pass_of_the_repeated_hour(instant: datetime) -> None:
    instant = instant.replace(microsecond=0)
    back = WallTime.from_utc(instant, NEW_YORK).to_utc(NEW_YORK)
    assert instant - back in (timedelta(0), timedelta(hours=1))


@given(moment=st.datetimes(datetime(1970, 1, 1), datetime(2038, 1, 19)))  # noqa: DTZ001
def test_text_and_parse_are_inverse(moment: datetime) -> None:
    wall = WallTime(moment)
    assert WallTime.parse(wall.text()) == wall
