"""What a person may do to a job in each of its states, and what must wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qbwc_server.errors import Problem
from qbwc_server.store import history, jobs, links, parties
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.job_states import JobState
from qbwc_server.sync import person
from qbwc_server.sync.deciding import IN_DOUBT
from qbwc_server.sync.person import By
from tests.rows import COMPANY, CONNECTION, JOB, LINK, NOW, ORGANISATION, like

ANN = By("ann", NOW)
GOES_AGAIN = ("proposed", "queued", "waiting", "blocked", "refused", "needs_person")


@pytest.fixture
def tx(database: Database) -> Iterator[Tx]:
    """An open transaction with one company, one connection and one link."""
    with database.write() as open_tx:
        parties.add_company(open_tx, COMPANY)
        parties.add_organisation(open_tx, ORGANISATION)
        parties.add_connection(open_tx, CONNECTION)
        links.add_link(open_tx, like(LINK, books_id=None, status="Queued"))
        yield open_tx


def put(tx: Tx, state: str, **values: object) -> str:
    jobs.add_job(tx, like(JOB, state=state, link_id=LINK.id, connection_id=CONNECTION.id, **values))
    return JOB.id


def state_of(tx: Tx) -> str:
    job = jobs.job(tx, JOB.id)
    assert job is not None
    return job.state


@pytest.mark.parametrize("state", GOES_AGAIN)
def test_what_stands_still_goes_back_to_the_queue(tx: Tx, state: str) -> None:
    person.retry(
        tx, ANN, put(tx, state, error="Name is too long.", error_code="3070", next_step="Shorten it.")
    )
    job = jobs.job(tx, JOB.id)
    assert job is not None
    assert (job.state, job.error, job.error_code, job.next_step, job.due_at) == ("queued", "", "", "", NOW)


@pytest.mark.parametrize("state", ["settled", "cancelled"])
def test_what_is_over_is_not_tried_again(tx: Tx, state: str) -> None:
    with pytest.raises(Problem, match="nothing to try again"):
        person.retry(tx, ANN, put(tx, state))


def test_what_is_being_written_is_left_alone(tx: Tx) -> None:
    with pytest.raises(Problem, match="at this moment"):
        person.retry(tx, ANN, put(tx, "offered"), not_in_books=True)
    assert state_of(tx) == "offered"


@pytest.mark.parametrize("sure", [False, True])
def test_what_quickbooks_was_not_asked_about_is_never_sent_again(tx: Tx, sure: bool) -> None:
    with pytest.raises(Problem, match="asks QuickBooks what became of it"):
        person.retry(tx, ANN, put(tx, "in_doubt", error_code=IN_DOUBT), not_in_books=sure)
    assert state_of(tx) == "in_doubt"


def test_what_quickbooks_does_not_know_is_sent_again_only_by_somebody_who_looked(tx: Tx) -> None:
    job_id = put(tx, "in_doubt", error_code=f"{IN_DOUBT} 9002", set_id="SET")
    with pytest.raises(Problem, match="--not-in-quickbooks"):
        person.retry(tx, ANN, job_id)
    assert state_of(tx) == "in_doubt"
    person.retry(tx, ANN, job_id, not_in_books=True)
    job = jobs.job(tx, JOB.id)
    assert job is not None
    assert (job.state, job.set_id) == ("queued", None)
    [row] = [one for one in history.audit_trail(tx) if one["action"] == "job retried"]
    assert row["actor"] == "ann"
    assert row["details"]["not_in_books"] is True


@pytest.mark.parametrize("state", ["offered", "in_doubt"])
def test_a_job_on_its_way_keeps_the_wish_to_be_cancelled(tx: Tx, state: str) -> None:
    assert person.cancel(tx, ANN, put(tx, state)) is False
    job = jobs.job(tx, JOB.id)
    assert job is not None
    assert (job.state, job.wish) == (state, "cancel")


@pytest.mark.parametrize("state", GOES_AGAIN)
def test_any_other_open_job_is_cancelled_at_once_and_ends_its_half_link(tx: Tx, state: str) -> None:
    assert person.cancel(tx, ANN, put(tx, state)) is True
    assert state_of(tx) == "cancelled"
    assert person.find_link(tx, LINK.id).status == "Unlinked"


def test_a_cancelled_write_to_the_crm_is_not_made_again_at_once(tx: Tx) -> None:
    links.change_link(
        tx, "con", LINK.id, NOW, books_id="80000001-1", status="Error", error="It refused.", error_code="X"
    )
    person.cancel(tx, ANN, put(tx, "refused", side="crm", kind="account", action="change", error_code="X"))
    assert jobs.open_job(tx, "con", LINK.id, "crm") is None
    assert (person.find_link(tx, LINK.id).status, person.find_link(tx, LINK.id).error) == ("Success", "")


def test_every_state_has_an_answer_to_retry_and_cancel(tx: Tx) -> None:
    known = {*GOES_AGAIN, "settled", "cancelled", "offered", "in_doubt"}
    assert known == {str(state) for state in JobState}


@pytest.mark.parametrize("state", ["offered", "in_doubt"])
def test_unlinking_waits_for_a_write_whose_outcome_is_unknown(tx: Tx, state: str) -> None:
    put(tx, state)
    assert person.unlink(tx, ANN, LINK.id) is False
    job = jobs.job(tx, JOB.id)
    assert job is not None
    assert job.wish == "unlink"
    assert person.find_link(tx, LINK.id).unlinked_at is None


def test_unlinking_does_not_cross_a_write_to_the_crm(tx: Tx) -> None:
    put(tx, "offered", side="crm")
    with pytest.raises(Problem, match="being written to the CRM"):
        person.unlink(tx, ANN, LINK.id)
