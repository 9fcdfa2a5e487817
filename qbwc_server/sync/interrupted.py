"""Writes to a CRM that a killed worker left on their way: they can be repeated without harm."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from qbwc_server.store import jobs
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.rows import LinkJob
from qbwc_server.sync.deciding import Scope


def requeue_interrupted(tx: Tx, scopes: Mapping[str, Scope], company_id: str, now: datetime) -> int:
    """Put them back into the queue; how many. Each is made by an external key, or under the version that was read."""
    found = list(_interrupted(tx, scopes, company_id))
    for job in found:
        jobs.change_job(tx, job.id, now, state=after(job.state, JobEvent.REQUEUE), due_at=now)
    return len(found)


def _interrupted(tx: Tx, scopes: Mapping[str, Scope], company_id: str) -> Iterator[LinkJob]:
    for job in jobs.all_jobs(tx, list(scopes), states=("offered",), limit=10_000):
        if job.side == "crm" and job.company_id == company_id:
            yield job
