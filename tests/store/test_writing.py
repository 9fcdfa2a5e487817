"""Many rows at once end as one row at a time would, on each database's own quick way."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from qbwc_server.store import history, records
from qbwc_server.store.columns import canonical
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.rows import StoredRecord
from qbwc_server.store.tables import record_keys, undecided
from qbwc_server.store.writing import MANY
from tests.rows import NOW, RECORD, like

LATER = NOW + timedelta(minutes=5)
NUMBERS = [1, MANY - 1, MANY, 3 * MANY + 7]
ODD = {
    "Name": 'Tab\there, "quote", back\\slash, new\nline, \\N',
    "Total": Decimal("-0.50"),
    "None": None,
    "Ü": "😀",
}


def rows(number: int, **values: Any) -> list[StoredRecord]:
    return [
        like(RECORD, id=f"8000{one:05}", **({"values": ODD | {"No": one}} | values)) for one in range(number)
    ]


def stored(tx: Tx, ids: list[str]) -> list[StoredRecord]:
    return sorted(records.known(tx, "org", "crm", "account", ids).values(), key=lambda row: row.id)


@pytest.mark.parametrize("number", NUMBERS)
def test_as_many_rows_as_there_are_come_back_as_they_were(database: Database, number: int) -> None:
    given = rows(number)
    with database.write() as tx:
        records.save(tx, given, {row.id: [("name", f"{row.id}\t\\")] for row in given})
        assert stored(tx, [row.id for row in given]) == given
        assert records.holders(tx, "org", "crm", "account", "name", f"{given[-1].id}\t\\") == [given[-1].id]


@pytest.mark.parametrize("number", NUMBERS)
def test_rows_that_are_there_are_overwritten_and_new_ones_added(database: Database, number: int) -> None:
    before, after = rows(number), rows(number + MANY, version="2", deleted=True)
    with database.write() as tx:
        records.save(tx, before, {row.id: [("name", "old")] for row in before})
        records.save(tx, after, {row.id: [("name", "new")] for row in after})
        assert stored(tx, [row.id for row in after]) == after
        counted = tx.execute(select(record_keys.c.key, func.count()).group_by(record_keys.c.key))
        assert {row[0]: row[1] for row in counted} == {"new": len(after)}


@pytest.mark.parametrize("number", NUMBERS)
def test_what_waits_already_keeps_the_moment_since_when(database: Database, number: int) -> None:
    ids = [f"8000{one:05}" for one in range(number)]
    with database.write() as tx:
        records.mark_undecided(tx, "con", "books", "Customer", ids, NOW)
        records.mark_undecided(tx, "con", "books", "Customer", [*ids, "new"], LATER)
        since = {row[0]: row[1] for row in tx.execute(select(undecided.c.record_id, undecided.c.since))}
    assert since == {**dict.fromkeys(ids, NOW), "new": LATER}


def test_several_batches_in_one_transaction_do_not_mix(database: Database) -> None:
    given = rows(3 * MANY)
    with database.write() as tx:
        for start in range(0, len(given), MANY):
            records.save(tx, given[start : start + MANY], {})
    with database.write() as tx:
        records.save(tx, [replace(row, version="3") for row in given[:MANY]], {})
        versions = [row.version for row in stored(tx, [row.id for row in given])]
    assert versions == ["3"] * MANY + [RECORD.version] * 2 * MANY


def test_a_batch_that_is_undone_leaves_nothing(database: Database) -> None:
    given = rows(2 * MANY)
    with database.write() as tx:
        savepoint = tx.begin_nested()
        records.save(tx, given, {})
        savepoint.rollback()
        assert stored(tx, [row.id for row in given]) == []
        records.save(tx, given[:MANY], {})
        assert len(stored(tx, [row.id for row in given])) == MANY


@pytest.mark.parametrize("number", NUMBERS)
def test_hashes_are_told_of_what_is_stored_and_of_nothing_else(database: Database, number: int) -> None:
    given = rows(number)
    with database.write() as tx:
        records.save(tx, [*given[1:], like(given[0], deleted=True)], {})
        records.save(tx, [like(given[0], scope_id="other", content_hash="elsewhere")], {})
        told = records.hashes(tx, "org", "crm", "account", [*(row.id for row in given), "nobody"])
    assert told == {row.id: (row.content_hash, row is given[0]) for row in given}


def test_a_text_that_was_made_before_is_stored_as_it_is(database: Database) -> None:
    made = canonical({"b": Decimal("1.0"), "at": NOW, "a": "x"}, {datetime: lambda _: "noon"})
    assert made == '{"a":"x","at":"noon","b":{"$decimal":"1.0"}}'
    with database.write() as tx:
        records.save(tx, [RECORD], {}, texts={RECORD.id: made})
        [row] = stored(tx, [RECORD.id])
    assert row.values == {"a": "x", "at": "noon", "b": Decimal("1.0")}


def test_what_follows_a_long_answer_is_kept_in_parts_and_forgotten_with_it(database: Database) -> None:
    call = history.Exchange(0, "shop", 1, "receiveResponseXML", NOW, 1, '{"response": "<a>"}', "1", "", False)
    with database.write() as tx:
        short = history.keep_exchange(tx, call)
        long = history.keep_exchange(tx, call, rest=iter(["<b/>Söhne", "</a>"]))
        kept = [history.exchange(tx, number) for number in (short, long)]
        assert [history.whole(tx, one).request for one in kept if one] == [
            '{"response": "<a>"}',
            '{"response": "<a><b/>Söhne</a>"}',
        ]
        history.forget_exchanges(tx, NOW + timedelta(days=1))
        assert list(history.rest_of(tx, long)) == []
