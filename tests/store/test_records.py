"""Records, their keys, what waits for a decision, and how far each kind was read."""

from datetime import timedelta

from qbwc_server.store import records
from qbwc_server.store.database import Database, Tx
from tests.rows import NOW, RECORD, like

LATER = NOW + timedelta(minutes=5)


def waiting(tx: Tx, *connections: str, limit: int = 50) -> list[str]:
    return [record_id for *_, record_id in records.next_undecided(tx, connections or ["con"], limit)]


def test_saving_again_replaces_a_record_and_its_keys(database: Database) -> None:
    with database.write() as tx:
        records.save(tx, [RECORD], {"001A": [("name", "ann"), ("email", "a@example.com")]})
        records.save(tx, [like(RECORD, version="2")], {"001A": [("name", "anna")]})
        found = records.record(tx, "org", "crm", "account", "001A")
        assert found is not None
        assert found.version == "2"
        assert records.holders(tx, "org", "crm", "account", "name", "ann") == []
        assert records.holders(tx, "org", "crm", "account", "email", "a@example.com") == []
        assert records.holders(tx, "org", "crm", "account", "name", "anna") == ["001A"]


def test_keys_belong_to_their_scope_side_and_kind(database: Database) -> None:
    with database.write() as tx:
        records.save(
            tx, [RECORD, like(RECORD, id="001B")], {one: [("name", "ann")] for one in ("001A", "001B")}
        )
        assert records.holders(tx, "org", "crm", "account", "name", "ann") == ["001A", "001B"]
        assert records.holders(tx, "other", "crm", "account", "name", "ann") == []
        assert records.holders(tx, "org", "books", "account", "name", "ann") == []
        assert records.holders(tx, "org", "crm", "contact", "name", "ann") == []


def test_a_key_longer_than_its_column_still_finds_its_record(database: Database) -> None:
    key = "a" * 400
    with database.write() as tx:
        records.save(tx, [RECORD], {"001A": [("name", key)]})
        assert records.holders(tx, "org", "crm", "account", "name", key) == ["001A"]


def test_a_thousand_records_are_saved_and_known_at_once(database: Database) -> None:
    rows = [like(RECORD, id=f"001{number:05}") for number in range(1000)]
    with database.write() as tx:
        records.save(tx, rows, {row.id: [("name", row.id)] for row in rows})
        known = records.known(tx, "org", "crm", "account", [row.id for row in rows] + ["nobody"])
        assert set(known) == {row.id for row in rows}
        assert records.count(tx, "org", "crm", "account") == 1000


def test_the_deleted_are_known_and_do_not_live(database: Database) -> None:
    with database.write() as tx:
        records.save(tx, [RECORD, like(RECORD, id="001B", deleted=True)], {})
        assert [one.id for one in records.living(tx, "org", "crm", "account")] == ["001A"]
        assert records.count(tx, "org", "crm", "account") == 1
        assert set(records.known(tx, "org", "crm", "account", ["001A", "001B"])) == {"001A", "001B"}


def test_records_of_the_crm_are_decided_before_those_of_the_books(database: Database) -> None:
    with database.write() as tx:
        records.mark_undecided(tx, "con", "books", "Customer", ["8-2", "8-1"], NOW)
        records.mark_undecided(tx, "con", "crm", "account", ["001B", "001A"], NOW)
        assert waiting(tx) == ["001A", "001B", "8-1", "8-2"]
        assert waiting(tx, limit=3) == ["001A", "001B", "8-1"]
        assert waiting(tx, "other") == []


def test_marking_twice_keeps_one_turn_and_the_first_time(database: Database) -> None:
    with database.write() as tx:
        records.mark_undecided(tx, "con", "crm", "account", ["001A"], NOW)
        records.mark_undecided(tx, "con", "crm", "account", ["001A"], LATER)
        assert records.waiting_for_decision(tx, ["con"]) == 1
        records.decided(tx, "con", "crm", "account", "001A")
        assert records.waiting_for_decision(tx, ["con"]) == 0


def test_a_parked_record_waits_aside_until_it_is_released(database: Database) -> None:
    with database.write() as tx:
        records.mark_undecided(tx, "con", "crm", "account", ["001A", "001B"], NOW)
        records.park(tx, "con", "crm", "account", "001A", NOW)
        assert waiting(tx) == ["001B"]
        assert records.waiting_for_decision(tx, ["con"]) == 1
        records.release_parked(tx, "other")
        assert waiting(tx) == ["001B"]
        records.release_parked(tx, "con")
        assert waiting(tx) == ["001A", "001B"]


def test_a_turn_that_ended_in_setting_aside_does_not_take_the_record_off_the_list(database: Database) -> None:
    with database.write() as tx:
        records.mark_undecided(tx, "con", "crm", "account", ["001A"], NOW)
        records.park(tx, "con", "crm", "account", "001A", NOW)
        records.decided(tx, "con", "crm", "account", "001A")
        records.release_parked(tx, "con")
        assert waiting(tx) == ["001A"]


def test_a_change_brings_a_parked_record_back(database: Database) -> None:
    with database.write() as tx:
        records.park(tx, "con", "crm", "account", "001A", NOW)
        records.mark_undecided(tx, "con", "crm", "account", ["001A"], LATER)
        assert waiting(tx) == ["001A"]


def test_a_kind_that_was_never_read_has_no_watermark(database: Database) -> None:
    with database.write() as tx:
        assert records.watermark(tx, "org", "crm", "account") == (None, False)
        records.move_watermark(tx, "org", "crm", "account", "w1", NOW, complete=False)
        assert records.watermark(tx, "org", "crm", "account") == ("w1", False)
        records.move_watermark(tx, "org", "crm", "account", "w2", LATER, complete=True)
        assert records.watermark(tx, "org", "crm", "account") == ("w2", True)
        assert records.watermark(tx, "org", "crm", "contact") == (None, False)
