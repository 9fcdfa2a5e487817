"""What a person does with link jobs: try again, approve, cancel."""

from typing import Any

from qbwc_server.errors import NotFound, Problem
from qbwc_server.store import jobs, links, parties
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, JobState, after
from qbwc_server.store.rows import ConnectionRow, LinkJob
from qbwc_server.sync.deciding import IN_DOUBT, Desk, load_scope
from qbwc_server.sync.deciding.desk import ON_THE_WAY
from qbwc_server.sync.from_books import withdraw
from qbwc_server.sync.person.by import By

NO_RUN = 0  # what a person does at once belongs to no run
ENDED = (JobState.SETTLED, JobState.CANCELLED)


def job_of(tx: Tx, job_id: str) -> LinkJob:
    found = jobs.job(tx, job_id)
    if found is None:
        raise NotFound(f"There is no link job {job_id}. See: qbwc-server job list")
    return found


def connection_of(tx: Tx, connection_id: str) -> ConnectionRow:
    found = parties.connection(tx, connection_id)
    assert found is not None
    return found


def desk_for(tx: Tx, by: By, connection_id: str) -> Desk:
    return Desk(tx, load_scope(tx, connection_of(tx, connection_id)), NO_RUN, by.now)


def retry(tx: Tx, by: By, job_id: str, *, not_in_books: bool = False) -> None:
    """Put a job back in the queue, to go with the next visit or delivery; a proposed one is approved by it.

    `not_in_books`: the person looked, and QuickBooks does not hold the record. Without that a job in doubt is
    refused with a Problem, because it may have been carried out (design, "Nothing twice").
    """
    job = job_of(tx, job_id)
    if job.state in ON_THE_WAY:
        _check_sure(tx, job, sure=not_in_books)
    if job.state in ENDED:
        raise Problem(f"{job.id} is {said(job.state)}; there is nothing to try again.")
    state = job.state
    for event in _way_back(job):
        state = after(state, event)
    clean: dict[str, Any] = {"error": "", "error_code": "", "next_step": "", "wish": "", "set_id": None}
    jobs.change_job(tx, job.id, by.now, state=state, due_at=by.now, visit_attempts=0, failures=0, **clean)
    desk_for(tx, by, job.connection_id).refresh_status(job.link_id)
    by.note(tx, "job retried", job.id, was=job.state, error=job.error, not_in_books=not_in_books)


def approve(tx: Tx, by: By, job_id: str) -> None:
    """Let a proposed job go with the next visit or delivery. Raises Problem for a job that waits for no approval."""
    job = job_of(tx, job_id)
    if job.state != JobState.PROPOSED:
        raise Problem(f"{job.id} is {said(job.state)} and waits for no approval. To try it again: job retry")
    retry(tx, by, job_id)


def _way_back(job: LinkJob) -> tuple[JobEvent, ...]:
    ways = {
        JobState.IN_DOUBT: (JobEvent.GIVE_UP, JobEvent.RETRY),
        JobState.PROPOSED: (JobEvent.APPROVE,),
        JobState.WAITING: (JobEvent.RELEASE,),
    }
    return ways.get(JobState(job.state), (JobEvent.RETRY,))


def _check_sure(tx: Tx, job: LinkJob, *, sure: bool) -> None:
    if job.state == JobState.OFFERED:
        raise Problem(f"{job.id} is being written at this moment. Wait for the answer.")
    if job.error_code == IN_DOUBT:
        raise Problem(
            f"{job.id} was sent and got no answer, so QuickBooks may have carried it out; sending it again could "
            "make it twice. The next update of the Web Connector asks QuickBooks what became of it."
        )
    if not sure:
        link = links.link(tx, job.connection_id, job.link_id)
        name = link.label if link else "the record"
        raise Problem(
            f"{job.id} was sent, and QuickBooks does not know what became of it; sending it again could make it "
            f"twice. Look for {name} in QuickBooks. If it is there: qbwc-server link make. If it surely is not: "
            f"qbwc-server job retry {job.id} --not-in-quickbooks"
        )


def cancel(tx: Tx, by: By, job_id: str) -> bool:
    """Cancel a job; False when it is on its way, and the wish is kept as soon as its outcome is known.

    A cancelled change is written after all with the next change of its record, because the sides still differ.
    """
    job = job_of(tx, job_id)
    if job.state in ENDED:
        raise Problem(f"{job.id} is {said(job.state)} already.")
    by.note(tx, "job cancelled", job.id, was=job.state)
    if job.state in ON_THE_WAY:
        jobs.change_job(tx, job.id, by.now, wish="cancel")
        return False
    withdraw(desk_for(tx, by, job.connection_id), job)
    return True


def give_up(tx: Tx, by: By, job: LinkJob) -> None:
    """End a job in doubt: a person knows what became of it."""
    state = after(after(job.state, JobEvent.GIVE_UP), JobEvent.CANCEL)
    jobs.change_job(tx, job.id, by.now, state=state, ended_at=by.now)


def said(state: str) -> str:
    return state.replace("_", " ")
