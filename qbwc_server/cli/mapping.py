"""`mapping`: which field becomes which, and why."""

from types import SimpleNamespace
from typing import Any

import click

from qbwc_server import mapping
from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import connection_named, reading, the_connection
from qbwc_server.cli.show import listing, to_json
from qbwc_server.errors import Problem
from qbwc_server.mapping import Profile
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import ConnectionRow
from qbwc_server.sync.deciding import books_fields, load_scope

ARROWS = {"both": "<->", "to_books": "->", "to_crm": "<-"}
COLUMNS = {"kind": "Kind", "crm": "CRM field", "way": "", "books": "QuickBooks", "converter": "Converter"}
COLUMNS |= {"too_long": "Too long", "winner": "Wins", "origin": "From"}
PROFILE = click.option("--profile", metavar="PROFILE", help="A shipped profile instead of a connection's.")


@click.group("mapping", cls=Group)
def mapping_group() -> None:
    """Which CRM field becomes which QuickBooks field.

    \b
    qbwc-server mapping show
    qbwc-server mapping explain BillingCity
    """


def _profile(tx: Tx, connection: str | None, profile: str | None) -> Profile:
    """A connection's own, with the lengths that both sides told; or a shipped one as it is."""
    if profile or not parties.all_connections(tx):
        return mapping.load_profile(profile or mapping.shipped()[0])
    return load_scope(tx, the_connection(tx, connection)).profile


@mapping_group.command()
@click.argument("connection", required=False)
@PROFILE
@json_option
def show(connection: str | None, profile: str | None, as_json: bool) -> None:
    """Show every rule."""
    with reading() as (tx, _):
        chosen = _profile(tx, connection, profile)
    rows: list[dict[str, Any]] = [
        rule.model_dump() | {"kind": kind.name, "way": ARROWS[rule.direction], "winner": kind.winner_of(rule)}
        for kind in chosen.kinds
        for rule in mapping.all_rules(kind)
    ]
    listing(rows, COLUMNS, as_json=as_json, empty="This profile has no rules.")


@mapping_group.command()
@click.argument("connection", required=False)
@json_option
@click.pass_context
def check(ctx: click.Context, connection: str | None, as_json: bool) -> None:
    """Compare the rules with the fields of both sides, as the CRM last told them.

    `qbwc-server connection check` asks the CRM anew.
    """
    with reading() as (tx, _):
        one = the_connection(tx, connection)
        problems = _problems(tx, one)
    rows = [each.__dict__ | {"rule": " <-> ".join(each.rule or ())} for each in problems]
    columns = {"severity": "", "kind": "Kind", "rule": "Rule", "text": "What is wrong"}
    listing(rows, columns, as_json=as_json, empty=f"The mapping of {one.name} fits both sides.")
    ctx.exit(1 if any(each.severity == "error" for each in problems) else 0)


def _problems(tx: Tx, one: ConnectionRow) -> tuple[mapping.Problem, ...]:
    organisation, company = (
        parties.organisation(tx, one.organisation_id),
        parties.company(tx, one.company_id),
    )
    if organisation is None or not organisation.fields:
        raise Problem(
            f"The CRM's fields are not known yet. Ask for them: qbwc-server connection check {one.name}"
        )
    profile = mapping.load_profile(one.profile, one.override)
    crm = {
        kind: [SimpleNamespace(**each) for each in fields]
        for kind, fields in organisation.fields["kinds"].items()
    }
    books = {kind: books_fields(kind) for kind in mapping.books_kinds(profile)}
    return mapping.check(profile, crm, books, company.qbxml_version if company else None)


@mapping_group.command()
@click.argument("field")
@click.argument("connection", required=False)
@PROFILE
def explain(field: str, connection: str | None, profile: str | None) -> None:
    """Say in sentences where a field comes from and what becomes of it."""
    with reading() as (tx, _):
        click.echo(mapping.explain(_profile(tx, connection, profile), field))


@mapping_group.command()
@click.argument("connection")
@json_option
def diff(connection: str, as_json: bool) -> None:
    """Show how a connection's mapping differs from the shipped one."""
    with reading() as (tx, _):
        one = connection_named(tx, connection)
    lines = mapping.diff(mapping.load_profile(one.profile, one.override))
    same = f"{connection} uses the shipped profile {one.profile} as it is."
    click.echo(to_json(lines) if as_json else "\n".join(lines) or same)
