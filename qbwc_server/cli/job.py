"""`job`: intended writes, one by one: what waits, what was refused, and what a person does about it."""

from collections import Counter
from typing import Any

import click

from qbwc_server.cli.frame import Group, ask, json_option
from qbwc_server.cli.opened import Kinds, acting, connections_chosen, reading
from qbwc_server.cli.show import details, listing
from qbwc_server.store import jobs, links, parties, search
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobState
from qbwc_server.store.rows import LinkJob
from qbwc_server.store.tables import OPEN_STATES
from qbwc_server.sync import person

MOST = 100_000
PLACES = {"books": "QuickBooks", "crm": "the CRM"}
NEEDS_PERSON = ("refused", "needs_person", "in_doubt", "blocked", "proposed")
COLUMNS = {"id": "Job", "record": "Record", "to": "Written to", "action": "Action", "state": "State"}
COLUMNS |= {"changed_at": "Since (UTC)", "error": "Error", "next_step": "What to do"}

SHOWN = (
    *("id", "record", "crm_id", "books_id", "to", "kind", "action", "state", "error", "error_code"),
    *("next_step", "wish", "attempts", "due_at", "set_id", "created_at", "changed_at", "ended_at"),
)


@click.group(cls=Group)
def job() -> None:
    """Link jobs: each is one intended write to one side.

    \b
    qbwc-server job list --needs-person
    qbwc-server job retry --all-refused
    qbwc-server job approve --all --kind account
    """


@job.command("list")
@click.option("--connection", help="Only of this connection.")
@click.option("--state", type=click.Choice([str(one) for one in JobState]), help="Only in this state.")
@click.option("--needs-person", is_flag=True, help="Only what does not go on by itself.")
@click.option("--proposed", is_flag=True, help="Only what waits for approval.")
@click.option("--all", "everything", is_flag=True, help="Also what is settled or cancelled.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(min=1, max=1_000_000))
@json_option
def list_jobs(
    connection: str | None,
    state: str | None,
    needs_person: bool,
    proposed: bool,
    everything: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List open jobs, the newest change first."""
    states = (
        (state,) if state else ("proposed",) if proposed else NEEDS_PERSON if needs_person else OPEN_STATES
    )
    with reading() as (tx, _):
        found = jobs.all_jobs(
            tx, connections_chosen(tx, connection), states=() if everything else states, limit=limit
        )
        rows = [_row(tx, one) for one in found]
        asked = sum(search.needing_a_person(tx, one.id).records for one in parties.all_companies(tx))
    listing(rows, COLUMNS, as_json=as_json, empty="No job of that kind: nothing waits here.")
    if needs_person and asked and not as_json:
        click.echo(f"Records without a job that wait for an answer: {asked}. See: link list --status Error")


def _row(tx: Tx, one: LinkJob) -> dict[str, Any]:
    link = links.link(tx, one.connection_id, one.link_id)
    more: dict[str, Any] = {"record": link.label if link else "", "to": PLACES[one.side]}
    more |= {"crm_id": link.crm_id, "books_id": link.books_id} if link else {}
    return one.__dict__ | more | {"state": person.said(one.state)}


@job.command()
@click.argument("job_id")
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show everything about one job."""
    with reading() as (tx, _):
        row = _row(tx, person.job_of(tx, job_id))
    details(row if as_json else {name: row.get(name) for name in SHOWN}, as_json=as_json)


_JOBS = click.argument("job_ids", nargs=-1, metavar="[JOB]...")
_KIND = click.option("--kind", help="Only of this kind, such as account or invoice_mirror, with --all.")
_OF = click.option("--connection", help="Only of this connection, with --all.")
_YES = click.option("--yes", is_flag=True, help="Do it without asking first.")


@job.command()
@_JOBS
@click.option("--all-refused", "--all", "every", is_flag=True, help="Every job that was refused.")
@_KIND
@_OF
@_YES
@click.option("--not-in-quickbooks", is_flag=True, help="You looked: QuickBooks does not hold the record.")
def retry(
    job_ids: tuple[str, ...],
    every: bool,
    kind: str | None,
    connection: str | None,
    yes: bool,
    not_in_quickbooks: bool,
) -> None:
    """Try a job again. It goes with the next update.

    A job in doubt was sent and not answered: sending it again could make it twice. So it is tried again only after
    QuickBooks was asked, and when you say that you looked (--not-in-quickbooks).
    """
    with acting() as (tx, by, _):
        chosen = [
            *job_ids,
            *(_every(tx, connection, JobState.REFUSED, kind, "try again", yes) if every else ()),
        ]
        for one in chosen:
            person.retry(tx, by, one, not_in_books=not_in_quickbooks)
    click.echo(
        "No such job was refused."
        if every and not chosen
        else _told(len(chosen), "goes", "go", "again with the next update", "--all-refused")
    )


@job.command()
@_JOBS
@click.option("--all", "every", is_flag=True, help="Every job that waits for approval.")
@_KIND
@_OF
@_YES
def approve(
    job_ids: tuple[str, ...], every: bool, kind: str | None, connection: str | None, yes: bool
) -> None:
    """Approve jobs that wait for it, such as new records beyond the limit of an hour.

    \b
    qbwc-server job list --proposed
    qbwc-server job approve --all --kind account
    """
    with acting() as (tx, by, _):
        chosen = [
            *job_ids,
            *(_every(tx, connection, JobState.PROPOSED, kind, "approve", yes) if every else ()),
        ]
        for one in chosen:
            person.approve(tx, by, one)
    click.echo(
        "No such job waits for approval."
        if every and not chosen
        else _told(len(chosen), "goes", "go", "with the next update", "--all")
    )


def _every(
    tx: Tx, connection: str | None, state: JobState, kind: str | None, act: str, yes: bool
) -> list[str]:
    """Ids of all jobs in a state, after the person saw how many there are of each kind and said yes."""
    chosen = connections_chosen(tx, connection)
    kinds = Kinds(tx, chosen)
    if kind:
        kinds.check(kind)
    found = [
        (one.id, kinds.of(link), one.side)
        for one in jobs.all_jobs(tx, chosen, states=[state], limit=MOST)
        if (link := links.link(tx, one.connection_id, one.link_id)) is not None
        and kind in (None, kinds.of(link))
    ]
    for (name, side), number in sorted(Counter((name, side) for _, name, side in found).items()):
        click.echo(f"{number} of kind {name}, written to {PLACES[side]}")
    if found and not yes:
        ask(f"{act.capitalize()} {len(found)} job{'' if len(found) == 1 else 's'} now?")
    return [job_id for job_id, _, _ in found]


def _told(number: int, verb: str, verbs: str, how: str, option: str) -> str:
    if not number:
        return f"No job was chosen. Name jobs, or say {option}."
    return f"{number} job{'' if number == 1 else 's'} {verb if number == 1 else verbs} {how}."


@job.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB...")
def cancel(job_ids: tuple[str, ...]) -> None:
    """Cancel a job.

    What is on its way is cancelled as soon as its outcome is known and nothing was written. A cancelled change is
    written after all when its record changes again, because the two sides still differ.
    """
    with acting() as (tx, by, _):
        results = [(one, person.cancel(tx, by, one)) for one in job_ids]
    for one, done in results:
        click.echo(
            f"{one} is cancelled."
            if done
            else f"{one} is on its way. It is cancelled once its outcome is known, unless it was written."
        )
