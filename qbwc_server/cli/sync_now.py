"""`sync-now`: ask for a sync at once, or show what it would do."""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from qbwc_server.app import Gateways, Installation
from qbwc_server.cli.frame import Command, actor, json_option
from qbwc_server.cli.opened import connection_named, opened
from qbwc_server.cli.rehearsed import tell
from qbwc_server.cli.show import progress
from qbwc_server.errors import Problem
from qbwc_server.store import history, jobs, parties, visits
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, ConnectionRow
from qbwc_server.sync import person
from qbwc_server.sync.deciding import scopes_of_organisation
from qbwc_server.sync.from_crm import fields_to_read, where_to_resume
from qbwc_server.sync.person import By
from qbwc_server.sync.rehearsal import Fresh, Rehearsal, rehearse
from qbwc_server.sync.visit import WORKER_LEASE
from qbwc_server.worker import tasks

# Long enough for a long read; two at once would cost calls, nothing else.
LEASE = timedelta(minutes=5)


@click.command("sync-now", cls=Command)
@click.argument("connection", required=False)
@click.option(
    "--dry-run", is_flag=True, help="Decide, show what would be written and why, and change nothing."
)
@json_option
@click.pass_context
def sync_now(ctx: click.Context, connection: str | None, dry_run: bool, as_json: bool) -> None:
    """Read and write the CRM now. QuickBooks' part comes with the Web Connector's next update.

    Without a running worker this command does the worker's part itself.
    """
    with opened() as installation:
        chosen = _chosen(installation, connection)
        if dry_run:
            tell([_rehearsed(installation, one) for one in chosen], as_json=as_json)
        else:
            ctx.exit(0 if _sync(installation, chosen) else 1)


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
    with _worker_lease(installation) as ours:
        if not ours:
            click.echo("Asked. The worker reads and writes the CRM now.")
        results = [_work(installation, one) for one in companies] if ours else []
    for one in companies:
        last = f"{one.last_visit_at:%Y-%m-%d %H:%M} UTC" if one.last_visit_at else "never yet"
        click.echo(f"{one.name}: QuickBooks' part comes with the Web Connector's next update (last: {last}).")
    return all(results)


@contextmanager
def _worker_lease(installation: Installation) -> Iterator[bool]:
    """True when no worker lives, and none begins while this command does the work."""
    holder, now = f"sync-now {socket.gethostname()}:{os.getpid()}", installation.clock()
    with installation.database.write() as tx:
        ours = visits.take_lease(tx, WORKER_LEASE, holder, now, now + LEASE)
    try:
        yield ours
    finally:
        if ours:
            with installation.database.write() as tx:
                visits.drop_lease(tx, WORKER_LEASE, holder)


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
        organisation = parties.organisation(tx, organisation_id)
        wanted = fields_to_read(scopes_of_organisation(tx, organisation_id))
        marks = {kind: where_to_resume(tx, organisation_id, kind, fields) for kind, fields in wanted.items()}
    assert organisation is not None
    login: dict[str, Any] = json.loads(installation.keys.unseal(organisation.credentials))
    gateway = installation.open_crm(organisation.vendor, organisation.url, login)
    with closing(gateway), progress(f"{connection.name}: reading the CRM", None):
        return [
            Fresh(organisation_id, kind, fields, tuple(gateway.changed_since(kind, fields, marks[kind])))
            for kind, fields in wanted.items()
        ]
