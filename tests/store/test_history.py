"""What happened stays to be looked at for as long as it should: runs, exchanges, decisions, actions."""

from datetime import timedelta
from typing import Any

from qbwc_server.store import history
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.history import Exchange
from qbwc_server.store.tables import exchange_subjects
from tests.rows import NOW, like

CALL = Exchange(0, "shop", 1, "sendRequestXML", NOW, 12, "asked", "answered", "read", False)


def kept(tx: Tx, *subjects: str, **changes: Any) -> int:
    return history.keep_exchange(tx, like(CALL, **changes), subjects)


def test_an_exchange_comes_back_whole(database: Database) -> None:
    text = "<a>Söhne 😀 \x00\x01 ]]></a>" * 10_000
    with database.write() as tx:
        number = kept(tx, "job-1", request=text, response=text)
    with database.read() as tx:
        assert history.exchange(tx, number) == like(CALL, number=number, request=text, response=text)
        assert history.exchange(tx, number + 1) is None


def test_exchanges_are_found_by_company_run_subject_and_failure_newest_first(database: Database) -> None:
    with database.write() as tx:
        first = kept(tx, "job-1", "set-1")
        second = kept(tx, "job-2", "set-1", run_number=2, failed=True)
        third = kept(tx, company_id="other", run_number=3)
        nobodys = kept(tx, company_id=None, run_number=None)

    def found(**wanted: Any) -> list[int]:
        with database.read() as tx:
            return [one.number for one in history.find_exchanges(tx, **wanted)]

    assert found() == [nobodys, third, second, first]
    assert found(limit=2) == [nobodys, third]
    assert found(company_id="shop") == [second, first]
    assert found(run_number=3) == [third]
    assert found(subjects=["set-1"]) == [second, first]
    assert found(subjects=["job-1", "job-2"]) == [second, first]
    assert found(subjects=["set-1"], failed=True) == [second]
    assert found(company_id="other", subjects=["set-1"]) == []


def test_a_subject_named_twice_counts_once_and_more_can_be_added(database: Database) -> None:
    with database.write() as tx:
        number = kept(tx, "job-1", "job-1", "")
        history.note_subjects(tx, number, ["job-1", "record-7"])
        assert [one.number for one in history.find_exchanges(tx, subjects=["record-7"])] == [number]


def test_exchanges_past_their_time_are_forgotten_with_their_subjects(database: Database) -> None:
    with database.write() as tx:
        old = kept(tx, "job-1", started_at=NOW - timedelta(days=31))
        young = kept(tx, "job-1", started_at=NOW - timedelta(days=30))
        assert history.forget_exchanges(tx, NOW - timedelta(days=30)) == 1
        assert history.exchange(tx, old) is None
        assert [one.number for one in history.find_exchanges(tx, subjects=["job-1"])] == [young]
        assert history.forget_exchanges(tx, NOW - timedelta(days=30)) == 0
        assert tx.execute(exchange_subjects.select()).all() == [(young, "job-1")]


def test_a_run_adds_up_and_ends_once(database: Database) -> None:
    with database.write() as tx:
        number = history.begin_run(tx, "visit", NOW, company_id="shop")
        history.count_in_run(tx, number, {"written": 2}, 1)
        history.count_in_run(tx, number, {"written": 1, "read": 5})
        history.count_in_run(tx, number, {})
        history.end_run(tx, number, NOW, "first")
        history.end_run(tx, number, NOW + timedelta(hours=1), "second")
        run = history.run(tx, number)
        assert run is not None
        assert (run.counts, run.errors) == ({"written": 3, "read": 5}, 1)
        assert (run.ended_at, run.note, run.sync_id) == (NOW, "first", f"S{number}")


def test_counting_in_a_run_that_does_not_exist_does_nothing(database: Database) -> None:
    with database.write() as tx:
        history.count_in_run(tx, 99, {"written": 2}, 1)
        assert history.recent_runs(tx) == []


def test_recent_runs_come_newest_first_and_by_company(database: Database) -> None:
    with database.write() as tx:
        ours = [history.begin_run(tx, "visit", NOW, company_id="shop") for _ in range(3)]
        poll = history.begin_run(tx, "poll", NOW, organisation_id="org")
        assert [run.number for run in history.recent_runs(tx)] == [poll, *reversed(ours)]
        assert [run.number for run in history.recent_runs(tx, 2, "shop")] == [ours[2], ours[1]]


def test_a_decision_is_found_by_link_record_and_run(database: Database) -> None:
    row = {"connection_id": "con", "link_id": "link-1", "record_id": "001A", "run_number": 4, "made_at": NOW}
    fields = [{"field": "Phone > Phone", "crm": None, "books": "555"}]
    with database.write() as tx:
        history.keep_decision(tx, row | {"outcome": "change", "reason": "new", "fields": fields})
        for wanted in ({"link_id": "link-1"}, {"record_id": "001A"}, {"run_number": 4}):
            (found,) = history.decisions_about(tx, **wanted)  # type: ignore[arg-type]
            assert found["fields"] == fields
        assert history.decisions_about(tx, link_id="link-1", run_number=5) == []


def test_the_audit_trail_tells_who_did_what_newest_first(database: Database) -> None:
    with database.write() as tx:
        history.note_action(tx, NOW, "ann", "cancel", "job-1", why="twice")
        history.note_action(tx, NOW, "bob", "retry", "job-1")
        actions = [(one["actor"], one["action"], one["details"]) for one in history.audit_trail(tx)]
        assert actions == [("bob", "retry", {}), ("ann", "cancel", {"why": "twice"})]
