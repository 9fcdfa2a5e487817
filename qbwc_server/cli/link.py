"""`link`: pairs of a CRM record and an object of QuickBooks."""

from typing import Any

import click

from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import Kinds, acting, connections_chosen, reading, the_connection
from qbwc_server.cli.show import details, listing, said
from qbwc_server.store import jobs, links, search
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link
from qbwc_server.sync import person
from qbwc_server.sync.deciding import worded

STATUSES = ("Queued", "Success", "Error", "Unlinked")
COLUMNS = {
    "id": "Link",
    "kind": "Kind",
    "label": "Record",
    "status": "Status",
    "crm_id": "CRM id",
    "books_id": "ListID",
}
COLUMNS |= {"changed_at": "Since (UTC)", "error": "Error"}
SUGGESTED = {"crm_id": "CRM id", "books_id": "ListID", "score": "Likeness", "reason": "Why"}


@click.group(cls=Group)
def link() -> None:
    """Pairs of a CRM record and an object of QuickBooks.

    \b
    qbwc-server link list --status Error
    qbwc-server link make 001Qy000001AbCDIA0 80000007-1795337496
    """


@link.command("list")
@click.argument("text", required=False)
@click.option("--connection", help="Only of this connection.")
@click.option("--status", type=click.Choice(STATUSES), help="Only with this status.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(min=1, max=1_000_000))
@json_option
def list_links(
    text: str | None, connection: str | None, status: str | None, limit: int, as_json: bool
) -> None:
    """List pairs, all or those whose name holds TEXT."""
    with reading() as (tx, _):
        chosen = connections_chosen(tx, connection)
        found = (
            search.links_like(tx, chosen, text, limit)
            if text
            else links.all_links(tx, chosen, status=status, limit=limit)
        )
        kinds = Kinds(tx, chosen)
        rows = [one.__dict__ | {"kind": kinds.of(one)} for one in found if status in (None, one.status)]
    listing(rows, COLUMNS, as_json=as_json, empty="No such pair.")


@link.command()
@click.argument("link_id")
@json_option
def show(link_id: str, as_json: bool) -> None:
    """Show one pair: what both sides agreed on, its conflicts and its jobs."""
    with reading() as (tx, _):
        one = person.find_link(tx, link_id)
        conflicts = links.open_conflicts(tx, one.connection_id, one.id)
        of_link = jobs.jobs_of_link(tx, one.connection_id, one.id)
    if as_json:
        more = {"conflicts": list(conflicts.values()), "jobs": [each.__dict__ for each in of_link]}
        details(one.__dict__ | more, as_json=True)
        return
    details(_summary(one), as_json=False)
    for name, value in sorted((one.base_books or {}).items()):
        click.echo(f"  {name}: {said(worded(name, value)) or '(empty)'}")
    for name, row in sorted(conflicts.items()):
        click.echo(f"Conflict {name}: CRM {row['crm_value']!r}, QuickBooks {row['books_value']!r}")
    for each in of_link:
        click.echo(
            f"Job {each.id}: {each.action} in {each.side}, {person.said(each.state)} {each.error}".rstrip()
        )


def _summary(one: Link) -> dict[str, Any]:
    names = ("id", "label", "role", "status", "error", "crm_kind", "crm_id", "books_kind", "books_id")
    return {name: one.__dict__[name] for name in (*names, "created_at", "changed_at", "unlinked_at")}


@link.command()
@click.argument("link_id")
def unlink(link_id: str) -> None:
    """Take a pair apart; both records stay as they are, and the pair is not matched again by itself."""
    with acting() as (tx, by, _):
        label = person.find_link(tx, link_id).label
        done = person.unlink(tx, by, link_id)
    click.echo(
        f"{label} is unlinked; the CRM will show it."
        if done
        else f"{label} is being written to QuickBooks; it is unlinked once the outcome is known."
    )


@link.command()
@click.argument("crm_id")
@click.argument("books_id")
@click.option("--connection", help="Not needed when there is only one.")
def make(crm_id: str, books_id: str, connection: str | None) -> None:
    """Link a CRM record with an object of QuickBooks, because you know that they belong together."""
    with acting() as (tx, by, _):
        made = person.make(tx, by, the_connection(tx, connection), crm_id, books_id)
    click.echo(f"{made.label} is linked ({made.id}). What differs is written with the next update.")
    if made.error:
        click.echo(made.error)


@link.command()
@click.argument("record_id", metavar="CRM_ID")
@click.option("--connection", help="Not needed when there is only one.")
@click.option("--kind", default="", help="Which kind is meant, where a customer and an item have one ListID.")
def create(record_id: str, connection: str | None, kind: str) -> None:
    """Create the missing partner of a record, although something similar exists.

    With a ListID instead of a CRM id, the record is created in the CRM.
    """
    with acting() as (tx, by, _):
        made = person.create(tx, by, the_connection(tx, connection), record_id, kind)
    click.echo(f"{made.label} will be created with the next update ({made.id}).")


@link.command()
@click.option("--connection", help="Only of this connection.")
@json_option
def suggestions(connection: str | None, as_json: bool) -> None:
    """List records that look alike; link them (link make) or not (link create)."""
    with reading() as (tx, _):
        chosen = connections_chosen(tx, connection)
        rows = [one for one in links.all_suggestions(tx, chosen) if not _bound(tx, one)]
    listing(rows, SUGGESTED, as_json=as_json, empty="Nothing looks alike.")


def _bound(tx: Tx, row: dict[str, Any]) -> bool:
    pairs = [*search.links_of_record(tx, row["crm_id"]), *search.links_of_record(tx, row["books_id"])]
    return any(one.unlinked_at is None and one.crm_id and one.books_id for one in pairs)
