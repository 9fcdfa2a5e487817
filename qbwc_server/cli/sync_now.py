"""`sync-now`: ask for a sync at once, or show what it would do."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from qbwc_server.app import Gateways, Installation
from qbwc_server.cli.crm_now import gateway_of, reread, worker_lease
from qbwc_server.cli.frame import Command, actor, json_option
from qbwc_server.cli.opened import connection_named, kind_named, opened, the_connection
from qbwc_server.cli.rehearsed import tell
from qbwc_server.cli.show import progress, said
from qbwc_server.errors import Problem
from qbwc_server.store import history, jobs, parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, ConnectionRow
from qbwc_server.sync import person
from qbwc_server.sync.asked import Decided, Place, decide_kind, decide_record, links_at, read_record
from qbwc_server.sync.decide import NAMES
from qbwc_server.sync.deciding import scopes_of_organisation
from qbwc_server.sync.from_books import start_with
from qbwc_server.sync.from_crm import fields_to_read, where_to_resume
from qbwc_server.sync.person import By
from qbwc_server.sync.rehearsal import Fresh, Rehearsal, rehearse
from qbwc_server.worker import tasks

ENDED = ("settled", "cancelled")


@click.command("sync-now", cls=Command)
@click.argument("connection", required=False)
@click.option("--kind", metavar="NAME", help="Only this kind, as in: qbwc-server mapping kinds")
@click.option("--record", metavar="ID", help="Only this record: its CRM id, ListID or TxnID.")
@click.option(
    "--dry-run", is_flag=True, help="Decide, show what would be written and why, and change nothing."
)
@json_option
@click.pass_context
def sync_now(
    ctx: click.Context,
    connection: str | None,
    kind: str | None,
    record: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read and write the CRM now. QuickBooks' part comes with the Web Connector's next update.

    Without a running worker this command does the worker's part itself.

    \b
    qbwc-server sync-now --kind account
    qbwc-server sync-now --record 001Qy000001AbCDIA0
    """
    _check_one_wish(kind=kind, record=record, dry_run=dry_run, as_json=as_json)
    with opened() as installation:
        if kind:
            _sync_kind(installation, _going(installation, connection), kind)
        elif record:
            _sync_record(installation, _going(installation, connection), record)
        if kind or record:
            return
        chosen = _chosen(installation, connection)
        if dry_run:
            tell([_rehearsed(installation, one) for one in chosen], as_json=as_json)
        else:
            ctx.exit(0 if _sync(installation, chosen) else 1)


def _check_one_wish(*, kind: str | None, record: str | None, dry_run: bool, as_json: bool) -> None:
    if kind and record:
        raise Problem("Say --kind or --record, not both: a record has its kind.")
    if (kind or record) and dry_run:
        raise Problem("--dry-run shows a whole sync. For one kind: qbwc-server batch run --help (--preview).")
    if as_json and not dry_run:
        raise Problem("--json goes with --dry-run; what happened is in: qbwc-server log runs --json")


def _chosen(installation: Installation, name: str | None) -> list[Company]:
    """The companies of the connection that is named, or of all."""
    with installation.database.read() as tx:
        connections = [connection_named(tx, name)] if name else parties.all_connections(tx)
        companies = [
            parties.company(tx, company_id) for company_id in {one.company_id for one in connections}
        ]
    if not companies:
        raise Problem("There is no connection yet. Add one with: qbwc-server connection add NAME ...")
    return sorted((one for one in companies if one is not None), key=lambda one: one.name)


# --- doing it ---


def _sync(installation: Installation, companies: Sequence[Company]) -> bool:
    with installation.database.write() as tx:
        for one in companies:
            person.want_sync(tx, By(actor(), installation.clock()), one)
    with worker_lease(installation) as ours:
        if not ours:
            click.echo("Asked. The worker reads and writes the CRM now.")
        results = [_work(installation, one) for one in companies] if ours else []
    for one in companies:
        last = f"{one.last_visit_at:%Y-%m-%d %H:%M} UTC" if one.last_visit_at else "never yet"
        click.echo(f"{one.name}: QuickBooks' part comes with the Web Connector's next update (last: {last}).")
    return all(results)


def _work(installation: Installation, company: Company) -> bool:
    """The worker's part for one company, with progress; False when a CRM could not be reached."""
    gateways = Gateways(patience=0)
    background = replace(installation.background(), open_gateway=gateways)
    with installation.database.read() as tx:
        organisations = sorted(
            {one.organisation_id for one in parties.connections_of_company(tx, company.id)}
        )
    try:
        results = [_work_on(installation, background, company, one) for one in organisations]
    finally:
        gateways.close()
    return all(results)


def _work_on(
    installation: Installation, background: tasks.Background, company: Company, organisation_id: str
) -> bool:
    with progress(f"{company.name}: reading the CRM", None):
        tasks.poll(background, organisation_id)
    if not _told(installation, organisation_id):
        return False
    _deliver(installation, background, company, organisation_id)
    return True


def _told(installation: Installation, organisation_id: str) -> bool:
    with installation.database.read() as tx:
        organisation = parties.organisation(tx, organisation_id)
    assert organisation is not None
    if organisation.poll_error:
        click.echo(f"{organisation.url} could not be read: {organisation.poll_error}", err=True)
    return not organisation.poll_error


def _deliver(
    installation: Installation, background: tasks.Background, company: Company, organisation_id: str
) -> None:
    with progress(f"{company.name}: writing to the CRM", _due(installation, company)) as advance:
        before = _due(installation, company)
        while tasks.deliver(background, organisation_id):
            left = _due(installation, company)
            advance(before - left)
            before = left
    with installation.database.read() as tx:
        waiting = jobs.count_due(tx, company.id, "books", installation.clock(), _running(tx, company))
        runs = [one for one in history.recent_runs(tx, 2) if one.organisation_id == organisation_id]
    for run in reversed(runs):
        counted = ", ".join(f"{number} {name}" for name, number in run.counts.items() if number)
        click.echo(f"{run.sync_id} {run.kind}: {counted or run.note or 'nothing to do'}")
    if waiting:
        click.echo(f"{company.name}: {waiting} writes wait for QuickBooks.")


def _due(installation: Installation, company: Company) -> int:
    with installation.database.read() as tx:
        return jobs.count_due(tx, company.id, "crm", installation.clock(), _running(tx, company))


def _running(tx: Tx, company: Company) -> list[str]:
    return [one.id for one in parties.connections_of_company(tx, company.id) if not one.stopped_reason]


# --- one kind, one record ---


def _going(installation: Installation, name: str | None) -> ConnectionRow:
    with installation.database.read() as tx:
        one = the_connection(tx, name)
    if one.stopped_reason:
        raise Problem(f"{one.name} is stopped: {one.stopped_reason}. Before anything else: {start_with(one)}")
    return one


def _sync_kind(installation: Installation, one: ConnectionRow, name: str) -> None:
    kind_map = kind_named(one, name)
    changed = reread(installation, one, kind_map)
    with installation.database.write() as tx:
        By(actor(), installation.clock()).note(tx, "sync wanted", one.name, kind=name)
    with progress("Deciding", None):
        number, decided = decide_kind(installation.database, one, kind_map, installation.clock)
    click.echo(f"{name}: {changed} changed in the CRM, {decided} decided (S{number}).")
    _deliver_now(installation, one)
    _tell_visit(installation, one, kind_map.books_kind)


def _sync_record(installation: Installation, one: ConnectionRow, record_id: str) -> None:
    with gateway_of(installation, one) as gateway, progress(f"{one.name}: reading the record", None):
        places = read_record(installation.database, gateway, one, record_id, installation.clock)
    with installation.database.write() as tx:
        decided = [(place, decide_record(tx, one, place, installation.clock())) for place in places]
        By(actor(), installation.clock()).note(tx, "sync wanted", one.name, record=places[0].id)
    _deliver_now(installation, one)
    with installation.database.read() as tx:
        lines = [line for each in decided for line in _record_lines(tx, one, *each)]
    click.echo("\n".join(lines))


def _deliver_now(installation: Installation, one: ConnectionRow) -> None:
    """What is due in the CRM is written now, unless a worker lives that does it."""
    with installation.database.read() as tx:
        company = parties.company(tx, one.company_id)
    assert company is not None
    if not _due(installation, company):
        return
    with worker_lease(installation) as ours:
        if not ours:
            click.echo("The worker writes to the CRM now.")
            return
        gateways = Gateways(patience=0)
        background = replace(installation.background(), open_gateway=gateways)
        try:
            _deliver(installation, background, company, one.organisation_id)
        finally:
            gateways.close()


def _record_lines(tx: Tx, one: ConnectionRow, place: Place, decided: Decided) -> Iterator[str]:
    where = "the CRM, read just now" if place.side == "crm" else "QuickBooks, as it was last read"
    yield f"{place.kind} {place.id} in {where} (S{decided.run_number})."
    if decided.left_alone:
        yield f"It has no partner: {decided.left_alone}"
    visit = place.side == "books"
    for link in links_at(tx, one.id, place):
        yield f"{said(link.label)}: {link.status}. {said(link.error)}".strip()
        for job in jobs.jobs_of_link(tx, link.connection_id, link.id):
            if job.state not in ENDED:
                yield f"  {job.action} in {NAMES['books' if job.side == 'books' else 'crm']}: {person.said(job.state)}"
                visit = visit or job.side == "books"
    if visit:
        yield f"QuickBooks' part goes with the next update of the Web Connector ({_last_visit(tx, one)})."


def _tell_visit(installation: Installation, one: ConnectionRow, books_kind: str) -> None:
    with installation.database.read() as tx:
        queued = jobs.all_jobs(tx, [one.id], states=("queued",), limit=100_000)
        writes = sum(1 for job in queued if job.side == "books" and job.kind == books_kind)
        last = _last_visit(tx, one)
    told = (
        f"{writes} write{'' if writes == 1 else 's'} to QuickBooks, and what changed there,"
        if writes
        else ("What changed in QuickBooks")
    )
    click.echo(f"{told} goes with the next update of the Web Connector ({last}).")


def _last_visit(tx: Tx, one: ConnectionRow) -> str:
    company = parties.company(tx, one.company_id)
    at = company.last_visit_at if company else None
    return f"last: {at:%Y-%m-%d %H:%M} UTC" if at else "last: never yet"


# --- showing it ---


def _rehearsed(installation: Installation, company: Company) -> tuple[Company, Rehearsal]:
    """Decided on fresh CRM data, read before the transaction begins that is then rolled back."""
    read = _fresh(installation, company)
    with installation.database.write() as tx:
        result = rehearse(tx, company.id, read, installation.clock())
        tx.rollback()
    return company, result


def _fresh(installation: Installation, company: Company) -> list[Fresh]:
    with installation.database.read() as tx:
        connections = parties.connections_of_company(tx, company.id)
    return [read for one in connections for read in _read(installation, one)]


def _read(installation: Installation, connection: ConnectionRow) -> list[Fresh]:
    organisation_id = connection.organisation_id
    with installation.database.read() as tx:
        wanted = fields_to_read(scopes_of_organisation(tx, organisation_id))
        marks = {kind: where_to_resume(tx, organisation_id, kind, fields) for kind, fields in wanted.items()}
    with (
        gateway_of(installation, connection) as gateway,
        progress(f"{connection.name}: reading the CRM", None),
    ):
        return [
            Fresh(organisation_id, kind, fields, tuple(gateway.changed_since(kind, fields, marks[kind])))
            for kind, fields in wanted.items()
        ]
