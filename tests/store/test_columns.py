"""What goes into a column of our own types comes out again as it was, from either database."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from qbwc_server.store import records
from qbwc_server.store.columns import content_hash, dumps, loads
from qbwc_server.store.database import Database
from qbwc_server.store.tables import leases
from tests.rows import NOW, RECORD, like

ON_ONE_DATABASE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# Field names and QuickBooks paths never begin with "$", which marks a value's type.
NAMES = st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda name: not name.startswith("$"))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=OFFSETS)  # noqa: DTZ001
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    MOMENTS,
)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def exactly(value: Any) -> Any:
    """A value with the types and digits spelled out: 1.0 is not 1.00 and not true."""
    if isinstance(value, dict):
        return {name: exactly(one) for name, one in value.items()}
    if isinstance(value, list):
        return [exactly(one) for one in value]
    return type(value).__name__, str(value)


@given(PLAIN)
def test_plain_values_survive_their_text(value: Any) -> None:
    assert exactly(loads(dumps(value))) == exactly(value)


@given(st.dictionaries(NAMES, LEAVES, min_size=2, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(values: dict[str, Any], random: Any) -> None:
    shuffled = list(values.items())
    random.shuffle(shuffled)
    assert dumps(dict(shuffled)) == dumps(values)
    assert content_hash(dict(shuffled)) == content_hash(values)


@given(st.dictionaries(NAMES, LEAVES, max_size=4), st.dictionaries(NAMES, LEAVES, max_size=4))
def test_different_contents_have_different_hashes(one: dict[str, Any], other: dict[str, Any]) -> None:
    if exactly(one) != exactly(other):
        assert content_hash(one) != content_hash(other)


@pytest.mark.parametrize("stranger", [1.5j, {1, 2}, object(), b"bytes"])
def test_a_value_that_cannot_come_back_is_refused(stranger: Any) -> None:
    with pytest.raises(TypeError, match=type(stranger).__name__):
        dumps({"Name": stranger})


@ON_ONE_DATABASE
@given(st.dictionaries(NAMES, PLAIN, max_size=5))
def test_plain_values_survive_the_database(database: Database, values: dict[str, Any]) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        records.save(connection, [like(RECORD, values=values)], {})
        found = records.record(connection, "org", "crm", "account", "001A")
        transaction.rollback()
    assert found is not None
    assert exactly(found.values) == exactly(values)


@ON_ONE_DATABASE
@given(MOMENTS)
def test_an_instant_survives_the_database_in_utc(database: Database, moment: datetime) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(leases.insert(), {"name": "a", "holder": "b", "until": moment})
        (found,) = connection.execute(leases.select().with_only_columns(leases.c.until)).scalars()
        transaction.rollback()
    assert found == moment
    assert found.tzinfo is UTC


@ON_ONE_DATABASE
@given(st.lists(MOMENTS, min_size=2, max_size=6, unique=True))
def test_the_database_orders_instants_as_time_does(database: Database, moments: list[datetime]) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        rows = [{"name": str(number), "holder": "", "until": one} for number, one in enumerate(moments)]
        connection.execute(leases.insert(), rows)
        ordered = leases.select().with_only_columns(leases.c.until).order_by(leases.c.until)
        found = list(connection.execute(ordered).scalars())
        transaction.rollback()
    assert found == sorted(moments)


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    row = {"name": "a", "holder": "b", "until": NOW.replace(tzinfo=None)}
    with database.engine.connect() as connection, pytest.raises(StatementError, match="time zone"):
        connection.execute(leases.insert(), row)


def test_amounts_keep_their_digits_and_dates_are_no_instants() -> None:
    values = {"Amount": Decimal("10.00"), "Due": date(2026, 3, 2), "Seen": NOW}
    assert exactly(loads(dumps(values))) == {
        "Amount": ("Decimal", "10.00"),
        "Due": ("date", "2026-03-02"),
        "Seen": ("datetime", "2026-03-02 15:00:00+00:00"),
    }
