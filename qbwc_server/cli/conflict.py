"""`conflict`: fields that were changed on both sides."""

import click

from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import acting, connections_chosen, reading
from qbwc_server.cli.show import listing
from qbwc_server.store import links
from qbwc_server.sync import person
from qbwc_server.sync.decide import Side

COLUMNS = {"link_id": "Link", "label": "Record", "field": "Field", "crm_value": "In the CRM"}
COLUMNS |= {"books_value": "In QuickBooks", "reason": "Why", "opened_at": "Since (UTC)", "taken": "Chosen"}


@click.group(cls=Group)
def conflict() -> None:
    """Fields that both sides changed to different values.

    \b
    qbwc-server conflict list
    qbwc-server conflict resolve link-abc... Phone --take crm
    """


@conflict.command("list")
@click.option("--connection", help="Only of this connection.")
@json_option
def list_conflicts(connection: str | None, as_json: bool) -> None:
    """List what waits for a choice."""
    with reading() as (tx, _):
        rows = links.all_conflicts(tx, connections_chosen(tx, connection))
    listing(rows, COLUMNS, as_json=as_json, empty="No conflict: both sides agree, or a rule decides.")


@conflict.command()
@click.argument("link_id", metavar="LINK")
@click.argument("field")
@click.option("--take", type=click.Choice(["crm", "books"]), required=True, help="Whose value stays.")
def resolve(link_id: str, field: str, take: Side) -> None:
    """Let one side's value win. FIELD is the CRM's field or the QuickBooks path.

    The choice holds for the values that both sides have now; a newer edit asks again.
    """
    with acting() as (tx, by, _):
        label = person.find_link(tx, link_id).label
        person.resolve(tx, by, link_id, field, take)
    winner, other = ("the CRM", "QuickBooks") if take == "crm" else ("QuickBooks", "the CRM")
    click.echo(f"{label}: {field} of {winner} stays; it is written to {other} with the next update.")
