"""What an id that a person typed stands for: a run, a call, a link, a job or a record of either side."""

import re
from dataclasses import dataclass
from typing import Any

from qbwc_server.errors import NotFound
from qbwc_server.store import history, jobs, links, search
from qbwc_server.store.database import Tx
from qbwc_server.store.history import Exchange
from qbwc_server.store.rows import Link

SYNC_ID = re.compile(r"[Ss](\d{1,12})")
JOB = "job-"
NUMBER = re.compile(r"#?(\d{1,12})")


@dataclass(frozen=True)
class Sought:
    """A title, and the ways to what is kept: by run, by call, or by links and the subjects of calls."""

    title: str
    run_number: int | None = None
    call: int | None = None
    link_ids: tuple[str, ...] = ()
    record_id: str = ""
    subjects: tuple[str, ...] = ()

    @property
    def job_ids(self) -> tuple[str, ...]:
        return tuple(one for one in self.subjects if one.startswith(JOB))

    def decisions(self, tx: Tx) -> list[dict[str, Any]]:
        """Newest first."""
        if self.run_number is not None:
            return history.decisions_about(tx, run_number=self.run_number)
        found = [row for one in self.link_ids for row in history.decisions_about(tx, link_id=one)]
        if self.record_id:
            found += history.decisions_about(tx, record_id=self.record_id)
        by_number = {row["number"]: row for row in found}
        return [by_number[number] for number in sorted(by_number, reverse=True)]

    def exchanges(self, tx: Tx, limit: int) -> list[Exchange]:
        """Newest first."""
        if self.call is not None:
            one = history.exchange(tx, self.call)
            return [one] if one else []
        if self.run_number is not None:
            return history.find_exchanges(tx, run_number=self.run_number, limit=limit)
        return history.find_exchanges(tx, subjects=self.subjects, limit=limit) if self.subjects else []


def seek(tx: Tx, text: str) -> Sought:
    """Raises NotFound when nothing that is kept has this id."""
    for look in (_run, _call, _job, _link, _record):
        found = look(tx, text)
        if found is not None:
            return found
    raise NotFound(
        f"Nothing is known of {text}. Give a Sync ID (S12), the number of a call, a link, a job, a CRM id or a "
        "ListID; qbwc-server log runs and qbwc-server link list show some."
    )


def _run(tx: Tx, text: str) -> Sought | None:
    match = SYNC_ID.fullmatch(text)
    run = history.run(tx, int(match[1])) if match else None
    if run is None:
        return None
    counted = ", ".join(f"{number} {name}" for name, number in run.counts.items() if number)
    done = counted or ("nothing to do" if run.ended_at else "not ended, or interrupted")
    title = f"{run.sync_id}: {run.kind}, {run.started_at:%Y-%m-%d %H:%M:%S} UTC, {done}"
    return Sought(f"{title}. {run.note}".strip(), run_number=run.number)


def _call(tx: Tx, text: str) -> Sought | None:
    match = NUMBER.fullmatch(text)
    one = history.exchange(tx, int(match[1])) if match else None
    return Sought(f"Call {one.number}", call=one.number) if one else None


def _job(tx: Tx, text: str) -> Sought | None:
    job = jobs.job(tx, text)
    link = links.link(tx, job.connection_id, job.link_id) if job else None
    if job is None or link is None:
        return None
    title = f"{link.label}: {job.action} in {job.side}, {job.state.replace('_', ' ')}. {job.error}".strip()
    subjects = (job.id, *([job.set_id] if job.set_id else _sets(tx, [job.id])))
    return Sought(title, link_ids=(link.id,), subjects=subjects)


def _link(tx: Tx, text: str) -> Sought | None:
    link = links.find_link(tx, text)
    return _about(tx, text, [link]) if link else None


def _record(tx: Tx, text: str) -> Sought | None:
    found = search.links_of_record(tx, text)
    if found:
        return _about(tx, text, found)
    if history.decisions_about(tx, record_id=text):
        return Sought(f"{text}, not linked", record_id=text)
    return None


def _about(tx: Tx, text: str, found: list[Link]) -> Sought:
    title = "; ".join(f"{one.label}: {one.status} {one.error}".strip() for one in found)
    job_ids = [job.id for one in found for job in jobs.jobs_of_link(tx, one.connection_id, one.id)]
    subjects = tuple(dict.fromkeys([*job_ids, *_sets(tx, job_ids)]))
    return Sought(title, link_ids=tuple(one.id for one in found), record_id=text, subjects=subjects)


def _sets(tx: Tx, job_ids: list[str]) -> list[str]:
    """The message sets that carried jobs: QuickBooks' answers are kept under the set alone."""
    return [one for one in search.found_with(tx, job_ids) if not one.startswith(JOB)] if job_ids else []
