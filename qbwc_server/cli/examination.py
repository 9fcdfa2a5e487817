"""The single examinations behind `doctor`. Each gives findings in a sentence, with the command that helps."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from qbwc_server import secrets
from qbwc_server.app import Installation
from qbwc_server.cli.connection import check_of
from qbwc_server.errors import Problem, typed
from qbwc_server.secrets import SecretsUnusable
from qbwc_server.settings import load_settings
from qbwc_server.soap.qwc import OWNER_ID, QwcRefused, build_qwc
from qbwc_server.store import history, jobs, links, migrate, parties, search, visits
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.rows import Company, ConnectionRow
from qbwc_server.sync import heartbeat, repairing
from qbwc_server.sync.from_books import start_with
from qbwc_server.sync.visit import NOT_READ, WORKER_LEASE

Level = Literal["ok", "look", "wrong"]

# State of a job -> what it means, and what to do.
STUCK = {
    "in_doubt": ("sent to QuickBooks, without an answer", "Update in the Web Connector: it asks QuickBooks."),
    "needs_person": ("to be looked up in QuickBooks", "qbwc-server job list --state needs_person"),
    "refused": ("refused", "qbwc-server job list --state refused; correct the records, or job retry"),
    "blocked": ("waiting for something that was refused", "qbwc-server job list --state blocked"),
    "proposed": (
        "waiting for your approval",
        "qbwc-server job list --proposed, then job approve or job cancel",
    ),
}


@dataclass(frozen=True)
class Finding:
    level: Level
    text: str
    to_do: str = ""


def first_findings(home: Path | None) -> list[Finding]:
    """What has to be right before an installation can be opened at all."""
    try:
        settings = load_settings(home)
    except Problem as problem:
        return [Finding("wrong", problem.text, "Correct the setting, then run doctor again.")]
    found = [Finding("ok", f"Settings of {settings.home} can be read.")]
    try:
        secrets.load_keys(os.environ, settings.home)
        found.append(Finding("ok", "The key is there and private."))
    except SecretsUnusable as unusable:
        found.append(Finding("wrong", str(unusable)))
    return [*found, *_database(settings.database), *_address(settings.public_url)]


def _database(url: str) -> Iterator[Finding]:
    database = Database(url)
    try:
        current, newest = migrate.current(database), migrate.head()
    except SQLAlchemyError as trouble:
        reason = str(getattr(trouble, "orig", trouble)).splitlines()[0]
        yield Finding("wrong", f"The database does not answer: {reason}", "Start it, or correct its address.")
        return
    finally:
        database.close()
    if current == newest:
        yield Finding("ok", f"The database answers and is up to date ({newest}).")
    else:
        yield Finding("wrong", "The database is not set up or not up to date.", "qbwc-server init")


def _address(url: str) -> Iterator[Finding]:
    """Judged by the checks of the .qwc file, which are those of the Web Connector."""
    nobody = {"app_name": "x", "user": "x", "owner_id": OWNER_ID, "file_id": OWNER_ID, "description": "x"}
    try:
        build_qwc(app_url=url, support_url=url, minutes=None, **nobody)
    except QwcRefused as refused:
        yield Finding("look", f"public_url {url}: {refused.text}", "Correct public_url in settings.toml.")


def examine(installation: Installation, *, offline: bool) -> list[Finding]:
    """Everything that an opened installation can tell; `offline` leaves the CRMs alone."""
    now = installation.clock()
    with installation.database.read() as tx:
        companies, connections = parties.all_companies(tx), parties.all_connections(tx)
        found = [*_worker(tx, now), *_existence(companies, connections)]
        for company in companies:
            found += _visits(tx, company, now)
        for connection in connections:
            found += _connection(tx, connection)
        found += [
            *_jobs(tx),
            *_asked(tx, companies),
            *_conflicts(tx, connections),
            *_partners(tx, connections),
        ]
        found += _consistency(tx, connections, now)
    if not offline:
        for connection in connections:
            found += _crm(installation, connection)
    return found


def repair(installation: Installation) -> list[Finding]:
    """Put right what is safe to put right; what it was."""
    now = installation.clock()
    with installation.database.write() as tx:
        connections = parties.all_connections(tx)
        found = repairing.examine(_place(tx, connections, now), mend=True)
    return [Finding("ok", f"Repaired: {one.text}.") for one in found if one.mendable]


def _consistency(tx: Tx, connections: list[ConnectionRow], now: datetime) -> Iterator[Finding]:
    for one in repairing.examine(_place(tx, connections, now)):
        yield Finding("wrong" if one.mendable else "look", f"{one.text}.", one.to_do)


def _place(tx: Tx, connections: list[ConnectionRow], now: datetime) -> repairing.Place:
    return repairing.Place(tx, [one.id for one in connections], now)


def _worker(tx: Tx, now: datetime) -> Iterator[Finding]:
    until = visits.lease_until(tx, WORKER_LEASE)
    if until is not None and until > now:
        yield Finding("ok", "The worker runs.")
    else:
        yield Finding(
            "wrong",
            "No worker runs, so the CRM is neither read nor written.",
            "qbwc-server run (or qbwc-server worker)",
        )


def _existence(companies: list[Company], connections: list[ConnectionRow]) -> Iterator[Finding]:
    if not companies:
        yield Finding("look", "There is no company yet.", "qbwc-server company add NAME --user USER")
    elif not connections:
        yield Finding("look", "There is no connection yet.", "qbwc-server connection add NAME ...")


def _visits(tx: Tx, company: Company, now: datetime) -> Iterator[Finding]:
    last = next((one for one in history.recent_runs(tx, 10, company.id) if one.kind == "visit"), None)
    if company.last_visit_at is None or last is None:
        to_do = f"qbwc-server qwc {typed(company.name)} > company.qwc, and open it on the QuickBooks PC"
        yield Finding("look", f"{company.name}: the Web Connector has not called yet.", to_do)
        return
    seen = f"{company.name}: last update {company.last_visit_at:%Y-%m-%d %H:%M} UTC"
    if last.note:
        yield Finding("wrong", f"{seen} ended with: {last.note}", f"qbwc-server log show {last.sync_id}")
    elif last.counts.get(NOT_READ):
        to_do = f"qbwc-server log show {last.sync_id}: QuickBooks' own reason stands there"
        yield Finding("wrong", f"{seen}, but {last.counts[NOT_READ]} {NOT_READ}.", to_do)
    elif silent := heartbeat.silence(company, now):
        level: Level = "wrong" if company.visit_minutes else "look"
        yield Finding(level, f"{seen}: {silent}.", heartbeat.TO_DO.replace("COMPANY", typed(company.name)))
    else:
        yield Finding("ok", f"{seen}.")


def _connection(tx: Tx, connection: ConnectionRow) -> Iterator[Finding]:
    organisation = parties.organisation(tx, connection.organisation_id)
    if connection.stopped_reason:
        said = f"{connection.name} is stopped: {connection.stopped_reason}"
        yield Finding("wrong", said, start_with(connection))
    if organisation is not None and organisation.poll_error:
        to_do = f"qbwc-server connection check {typed(connection.name)}"
        yield Finding(
            "wrong", f"{connection.name}: the CRM could not be read: {organisation.poll_error}", to_do
        )


def _jobs(tx: Tx) -> Iterator[Finding]:
    counted = jobs.count_by_state(tx)
    stuck = {state: sum(counted.get((side, state), 0) for side in ("books", "crm")) for state in STUCK}
    for state, number in stuck.items():
        if number:
            meaning, to_do = STUCK[state]
            yield Finding("wrong", f"Jobs {meaning}: {number}.", to_do)
    if not any(stuck.values()):
        yield Finding("ok", "No job waits for a person.")


def _asked(tx: Tx, companies: list[Company]) -> Iterator[Finding]:
    asked = [search.needing_a_person(tx, one.id) for one in companies]
    if number := sum(one.records for one in asked):
        text = f"Records without a partner that wait for a person's answer: {number}."
        yield Finding("wrong", text, "qbwc-server link list --status Error")
    if number := sum(one.failed for one in asked):
        text = f"Records that could not be decided because of an error of the server: {number}. They are tried again."
        yield Finding("wrong", text, "The log says why (decide.failed); report it.")


def _conflicts(tx: Tx, connections: list[ConnectionRow]) -> Iterator[Finding]:
    found = links.all_conflicts(tx, [each.id for each in connections])
    waiting = [one for one in found if one["taken"] is None]
    if waiting:
        yield Finding(
            "wrong",
            f"{len(waiting)} fields were changed on both sides and wait for a choice.",
            "qbwc-server conflict list",
        )


def _partners(tx: Tx, connections: list[ConnectionRow]) -> Iterator[Finding]:
    gone = search.links_without_partner(tx, [each.id for each in connections])
    if gone:
        names = ", ".join(
            f"{one.label} ({'CRM' if side == 'crm' else 'QuickBooks'})" for one, side in gone[:5]
        )
        yield Finding(
            "look",
            f"{len(gone)} linked records were deleted on one side: {names}{' ...' if len(gone) > 5 else ''}",
            "qbwc-server link unlink LINK, or leave it: a deletion is never carried over",
        )


def _crm(installation: Installation, connection: ConnectionRow) -> Iterator[Finding]:
    try:
        result = check_of(installation, connection)
    except SecretsUnusable as unusable:
        yield Finding("wrong", f"{connection.name}: {unusable}")
        return
    errors = [one.text for one in result.problems if one.severity == "error"]
    if result.ok:
        yield Finding("ok", f"{connection.name}: {result.text}")
        return
    text = f"{connection.name}: {result.text} {' '.join(errors)}".strip()
    yield Finding("wrong", text, f"qbwc-server connection check {typed(connection.name)}")
