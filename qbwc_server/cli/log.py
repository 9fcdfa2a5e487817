"""`log`: what happened, call by call and decision by decision."""

from typing import Any

import click

from qbwc_server.cli.exchange import exchange_lines, exchange_row
from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import company_named, reading
from qbwc_server.cli.show import listing, said, to_json
from qbwc_server.cli.sought import Sought, seek
from qbwc_server.store import history
from qbwc_server.store.database import Tx
from qbwc_server.store.history import Exchange
from qbwc_server.store.rows import Run
from qbwc_server.sync.deciding import worded

COLUMNS = {"number": "No.", "visit": "Sync ID", "at": "At (UTC)", "method": "Call", "milliseconds": "ms"}
COLUMNS |= {"outcome": "Outcome"}
RUNS = {"sync_id": "Sync ID", "kind": "Kind", "started_at": "Started (UTC)", "counts": "What happened"}
RUNS |= {"errors": "Errors", "note": "Note"}


@click.group(cls=Group)
def log() -> None:
    """What happened: runs, the Web Connector's calls, and the reason of each decision.

    \b
    qbwc-server log runs
    qbwc-server log show S12
    qbwc-server log show 80000007-1795337496
    """


@log.command()
@click.option("--company", help="Only visits of this company.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1, max=1_000_000))
@json_option
def runs(company: str | None, limit: int, as_json: bool) -> None:
    """List the latest runs; their Sync IDs lead to everything else."""
    with reading() as (tx, _):
        company_id = company_named(tx, company).id if company else None
        rows = [_run_row(one) for one in history.recent_runs(tx, limit, company_id)]
    listing(rows, RUNS, as_json=as_json, empty="Nothing has run yet.")


def _run_row(run: Run) -> dict[str, Any]:
    counts = {name: number for name, number in run.counts.items() if number}
    note = run.note or ("" if run.ended_at else "It has no end yet.")
    return run.__dict__ | {"sync_id": run.sync_id, "counts": counts, "note": note}


@log.command("list")
@click.option("--visit", metavar="SYNC_ID", help="Only of this run, such as S12.")
@click.option("--record", metavar="ID", help="Only about this CRM id, ListID or link.")
@click.option("--job", metavar="JOB", help="Only about this link job.")
@click.option("--error", is_flag=True, help="Only calls that went wrong.")
@click.option("--company", help="Only of this company.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1, max=1_000_000))
@json_option
def list_exchanges(
    visit: str | None,
    record: str | None,
    job: str | None,
    error: bool,
    company: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the Web Connector's calls, the newest first."""
    with reading() as (tx, _):
        about = [seek(tx, one) for one in (visit, record, job) if one]
        company_id = company_named(tx, company).id if company else None
        found = _exchanges(tx, about, company_id=company_id, failed=error, limit=limit)
    rows = [exchange_row(one) for one in found]
    listing(rows, COLUMNS, as_json=as_json, empty="No such call is kept.")


def _exchanges(tx: Tx, about: list[Sought], **wanted: Any) -> list[Exchange]:
    """Calls that meet everything that was asked for."""
    runs_wanted = {one.run_number for one in about if one.run_number is not None}
    subjects = [one.subjects for one in about if one.run_number is None]
    if any(not one for one in subjects) or len(runs_wanted) > 1:
        return []
    run_number = next(iter(runs_wanted), None)
    found = history.find_exchanges(
        tx, run_number=run_number, subjects=subjects[0] if subjects else (), **wanted
    )
    for more in subjects[1:]:
        kept = {one.number for one in history.find_exchanges(tx, subjects=more, limit=10_000)}
        found = [one for one in found if one.number in kept]
    return found


@log.command()
@click.argument("what", metavar="ID")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1_000_000), help="Calls to show."
)
@json_option
def show(what: str, limit: int, as_json: bool) -> None:
    """Show everything about an ID: decisions with their reasons, and calls with what was sent and answered.

    ID is a Sync ID (S12), the number of a call, a link, a job, a CRM id or a ListID.
    """
    with reading() as (tx, _):
        sought = seek(tx, what)
        decisions = sought.decisions(tx)
        calls = [history.whole(tx, one) for one in sought.exchanges(tx, limit)]
    if as_json:
        rows = [exchange_row(one) | {"request": one.request, "response": one.response} for one in calls]
        click.echo(to_json({"about": sought.title, "decisions": decisions, "exchanges": rows}))
        return
    click.echo(sought.title)
    for decision in reversed(decisions):
        _tell_decision(decision)
    for call in reversed(calls):
        click.echo("")
        click.echo("\n".join(exchange_lines(call, sought.job_ids)))
    if not decisions and not calls:
        click.echo(
            "Nothing is kept about it. Calls are forgotten after the days of the setting keep_log_days."
        )


def _tell_decision(row: dict[str, Any]) -> None:
    click.echo(
        f"\nDecision of S{row['run_number']}, {said(row['made_at'])}: {said(row['outcome']).replace('_', ' ')}"
    )
    click.echo(f"  because: {row['reason']}")
    for field in row["fields"]:
        crm, books = (said(worded(field["field"], field[side])) or "(empty)" for side in ("crm", "books"))
        values = f"CRM {crm}, QuickBooks {books}"
        click.echo(f"  {field['field']}: {field['outcome'].replace('_', ' ')}; {field['reason']} ({values})")


@log.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1, max=1_000_000))
@json_option
def audit(limit: int, as_json: bool) -> None:
    """List what persons did, and who."""
    with reading() as (tx, _):
        rows = history.audit_trail(tx, limit)
    columns = {"at": "At (UTC)", "actor": "Who", "action": "What", "subject": "To what", "details": "Details"}
    listing(rows, columns, as_json=as_json, empty="Nobody has done anything yet.")
