"""What the database itself forbids: two links of one record, two open jobs of one link and side."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from qbwc_server.store import jobs, links
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.job_states import JobState
from qbwc_server.store.rows import Link, LinkJob
from tests.rows import JOB, LINK, NOW, SET, like

CLOSED = ("settled", "cancelled")
BOUND = like(LINK, books_id="80000001-1")


def refused(database: Database, *added: Link | LinkJob) -> bool:
    """Whether these rows cannot stand together; nothing of them stays."""
    try:
        with database.write() as tx:
            for one in added:
                if isinstance(one, Link):
                    links.add_link(tx, one)
                else:
                    jobs.add_job(tx, one)
            tx.rollback()
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize(
    ("second", "forbidden"),
    [
        (like(BOUND, id="link-2"), True),
        (like(BOUND, id="link-2", books_id=None), True),
        (like(BOUND, id="link-2", crm_id="001B"), True),
        (like(BOUND, id="link-2", crm_id=None), True),
        (like(BOUND, id="link-2", crm_id="001B", books_id="80000002-2"), False),
        (like(BOUND, id="link-2", role="vendor"), False),
        (like(BOUND, id="link-2", connection_id="con-2"), False),
        (like(BOUND, id="link-2", crm_kind="contact", books_kind="Vendor"), False),
        (like(BOUND, id="link-2", unlinked_at=NOW), False),
    ],
)
def test_a_record_has_one_living_link_in_a_role(database: Database, second: Link, forbidden: bool) -> None:
    assert refused(database, BOUND, second) is forbidden


def test_half_links_do_not_stand_in_each_others_way(database: Database) -> None:
    halves = [
        like(LINK, id="a", crm_id="001A"),
        like(LINK, id="b", crm_id="001B"),
        like(LINK, id="c", crm_id=None, books_id="8-1"),
        like(LINK, id="d", crm_id=None, books_id="8-2"),
    ]
    assert not refused(database, *halves)


def test_any_number_of_dropped_links_stay_as_history(database: Database) -> None:
    dropped = [like(BOUND, id=f"dropped-{number}", unlinked_at=NOW) for number in range(3)]
    assert not refused(database, *dropped, BOUND)


@pytest.mark.parametrize("state", [state.value for state in JobState])
def test_a_link_has_one_open_job_for_a_side(database: Database, state: str) -> None:
    """Open is whatever may still lead to a write: all but settled and cancelled."""
    second = like(JOB, id="job-2")
    assert refused(database, like(JOB, state=state), second) is (state not in CLOSED)


@pytest.mark.parametrize("other", [{"side": "crm"}, {"link_id": "link-2"}, {"connection_id": "con-2"}])
def test_jobs_of_other_sides_and_links_are_free(database: Database, other: dict[str, str]) -> None:
    assert not refused(database, JOB, like(JOB, id="job-2", **other))


def test_a_job_cannot_be_reopened_beside_another_open_one(database: Database) -> None:
    with database.write() as tx:
        jobs.add_job(tx, like(JOB, state="settled"))
        jobs.add_job(tx, like(JOB, id="job-2"))
    with pytest.raises(IntegrityError), database.write() as tx:
        jobs.change_job(tx, "job-1", NOW, state="queued")


def queue(tx: Tx, **times: LinkJob) -> None:
    for name, job in times.items():
        jobs.add_job(tx, like(job, id=name, link_id=f"link-{name}"))


def test_due_jobs_come_by_priority_then_age_and_only_of_the_given_connections(database: Database) -> None:
    later = NOW + timedelta(seconds=1)
    with database.write() as tx:
        queue(
            tx,
            second=like(JOB, created_at=later),
            first=JOB,
            urgent=like(JOB, priority=1, created_at=later),
            early=like(JOB, due_at=later),
            stopped=like(JOB, connection_id="con-2", company_id="shop"),
            crm=like(JOB, side="crm"),
            offered=like(JOB, state="offered"),
            foreign=like(JOB, company_id="other"),
        )
    with database.read() as tx:
        due = jobs.due_jobs(tx, "shop", "books", NOW, 10, ["con"])
        assert [job.id for job in due] == ["urgent", "first", "second"]
        assert jobs.count_due(tx, "shop", "books", NOW, ["con"]) == 3
        assert [job.id for job in jobs.due_jobs(tx, "shop", "books", NOW, 1, ["con", "con-2"])] == ["urgent"]
        assert jobs.count_due(tx, "shop", "books", NOW, ["con", "con-2"]) == 4
        assert jobs.due_jobs(tx, "shop", "books", NOW, 10, []) == []
        assert jobs.count_due(tx, "shop", "books", later, ["con"]) == 4


def test_the_open_job_of_a_link_is_found_and_a_closed_one_is_not(database: Database) -> None:
    with database.write() as tx:
        jobs.add_job(tx, like(JOB, id="job-old", state="settled"))
        assert jobs.open_job(tx, "con", "link-1", "books") is None
        jobs.add_job(tx, JOB)
        found = jobs.open_job(tx, "con", "link-1", "books")
        assert found is not None
        assert found == JOB
        assert jobs.open_job(tx, "con", "link-1", "crm") is None


def test_a_set_keeps_the_exact_characters_that_were_sent(database: Database) -> None:
    text = '<?xml version="1.0"?>\r\n\t<QBXML>&#233; &amp; "x"</QBXML> '
    with database.write() as tx:
        jobs.add_set(tx, like(SET, request=text))
    with database.read() as tx:
        found = jobs.message_set(tx, "shop", SET.set_id)
        assert found is not None
        assert found.request == text
        assert found.job_ids == ["job-1"]
        assert jobs.message_set(tx, "other", SET.set_id) is None


def test_sets_of_a_state_come_oldest_first(database: Database) -> None:
    with database.write() as tx:
        for number, minutes in enumerate((3, 1, 2)):
            offered = NOW + timedelta(minutes=minutes)
            jobs.add_set(tx, like(SET, set_id=f"S{number}", state="in_doubt", offered_at=offered))
        jobs.add_set(tx, like(SET, set_id="S9", state="settled"))
        assert [one.set_id for one in jobs.sets_in_state(tx, "shop", "in_doubt")] == ["S1", "S2", "S0"]
        jobs.change_set(tx, "shop", "S1", state="settled", note="answered late")
        assert [one.set_id for one in jobs.sets_in_state(tx, "shop", "in_doubt")] == ["S2", "S0"]
