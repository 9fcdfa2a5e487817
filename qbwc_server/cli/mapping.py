"""`mapping`: which field becomes which, and why; and what a connection does differently."""

from pathlib import Path
from types import SimpleNamespace

import click

from qbwc_server import mapping
from qbwc_server.cli import flow, mapped
from qbwc_server.cli.connection import json_object
from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import acting, connection_named, map_named, reading, the_connection
from qbwc_server.cli.show import listing, to_json
from qbwc_server.errors import Problem
from qbwc_server.mapping import Profile
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import ConnectionRow
from qbwc_server.sync.deciding import books_fields, load_scope
from qbwc_server.sync.person import override as act

RULES = {"place": "Kind", "crm": "CRM field", "way": "", "books": "QuickBooks", "converter": "Converter"}
RULES |= {"too_long": "Too long", "winner": "Wins", "notes": "Notes", "origin": "From"}
KINDS = {"kind": "Kind", "crm": "CRM", "way": "", "books": "QuickBooks", "mode": "Mode"}
KINDS |= {"creates": "Makes records in", "promoted": "Goes to QuickBooks when"}
FLOW = {"kind": "Kind", "from": "From", "to": "To", "does": "Does", "when": "When", "first": "First"}
SETTINGS = {"setting": "Setting", "value": "Value", "kinds": "Used by", "origin": "From"}
PROFILE = click.option("--profile", metavar="PROFILE", help="A shipped profile instead of a connection's.")


@click.group("mapping", cls=Group)
def mapping_group() -> None:
    """Which CRM field becomes which QuickBooks field.

    \b
    qbwc-server mapping kinds
    qbwc-server mapping show --kind invoice
    qbwc-server mapping explain BillingCity
    qbwc-server mapping set AcmeCRM settings.income_account "Sales"
    """


def _profile(tx: Tx, connection: str | None, profile: str | None) -> Profile:
    """A connection's own, or a shipped one as it is; with the kinds that are off."""
    if profile or not (connection or parties.all_connections(tx)):
        return mapping.load_profile(profile or mapping.shipped()[0])
    one = the_connection(tx, connection)
    return mapping.load_profile(one.profile, one.override)


def _fitted(tx: Tx, connection: str | None, profile: str | None) -> Profile:
    """The same with the lengths that both sides told, where they are known."""
    own = _profile(tx, connection, profile)
    if profile or not (connection or parties.all_connections(tx)):
        return own
    fitted = {one.name: one for one in load_scope(tx, the_connection(tx, connection)).profile.kinds}
    return own.model_copy(update={"kinds": tuple(fitted.get(one.name, one) for one in own.kinds)})


@mapping_group.command()
@click.argument("connection", required=False)
@PROFILE
@json_option
def kinds(connection: str | None, profile: str | None, as_json: bool) -> None:
    """List the kinds: what becomes what, which way, and when."""
    with reading() as (tx, _):
        rows = mapped.kind_rows(_profile(tx, connection, profile))
    listing(rows, KINDS, as_json=as_json, empty="This profile has no kinds.")


@mapping_group.command()
@click.argument("connection", required=False)
@click.option("--kind", metavar="NAME", help="Only of this kind, with all that holds for it.")
@PROFILE
@json_option
def show(connection: str | None, kind: str | None, profile: str | None, as_json: bool) -> None:
    """Show the rules: of all kinds that are not off, or of one."""
    with reading() as (tx, _):
        chosen = _fitted(tx, connection, profile)
    shown = (map_named(chosen, kind),) if kind else tuple(one for one in chosen.kinds if one.mode != "off")
    if kind and not as_json:
        click.echo("\n".join(mapped.about_kind(chosen, shown[0])) + "\n")
    listing(mapped.rule_rows(shown), RULES, as_json=as_json, empty="This profile has no rules.")


@mapping_group.command("flow")
@click.argument("connection", required=False)
@click.option("--picture", is_flag=True, help="As a process map: a flowchart that Mermaid draws.")
@click.option(
    "--page", is_flag=True, help="As a page in Markdown, with the picture and what is needed before."
)
@PROFILE
@json_option
def data_flow(connection: str | None, profile: str | None, picture: bool, page: bool, as_json: bool) -> None:
    """Show what moves from where to where, when, and what must be there first."""
    with reading() as (tx, _):
        chosen = _profile(tx, connection, profile)
    if picture or page:
        click.echo((flow.page if page else flow.picture)(chosen), nl=False)
        return
    listing(flow.flow_rows(chosen), FLOW, as_json=as_json, empty="Nothing moves: every kind is off.")


@mapping_group.command()
@click.argument("connection", required=False)
@PROFILE
@json_option
def settings(connection: str | None, profile: str | None, as_json: bool) -> None:
    """List the settings that rules fall back on, such as the income account of new items."""
    with reading() as (tx, _):
        chosen = _profile(tx, connection, profile)
    rows = mapped.setting_rows(chosen, mapping.load_profile(chosen.name))
    listing(rows, SETTINGS, as_json=as_json, empty="This profile has no settings.")


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
    """Say in sentences what a field, a QuickBooks path or a setting is for, and what becomes of its values."""
    with reading() as (tx, _):
        click.echo(mapped.explained(_fitted(tx, connection, profile), field))


@mapping_group.command()
@click.argument("connection", required=False)
@json_option
def diff(connection: str | None, as_json: bool) -> None:
    """Show how a connection's mapping differs from the shipped one."""
    with reading() as (tx, _):
        one = the_connection(tx, connection)
    lines = mapping.diff(mapping.load_profile(one.profile, one.override))
    same = f"{one.name} uses the shipped profile {one.profile} as it is."
    click.echo(to_json(lines) if as_json else "\n".join(lines) or same)


# --- changing it ---


@mapping_group.command("set")
@click.argument("connection")
@click.argument("name")
@click.argument("value")
def set_one(connection: str, name: str, value: str) -> None:
    """Set one setting of a connection's mapping, in its override.

    \b
    qbwc-server mapping set AcmeCRM settings.income_account "Sales"
    qbwc-server mapping set AcmeCRM kinds.invoice.mode off
    qbwc-server mapping set AcmeCRM kinds.account.winner crm
    qbwc-server mapping set AcmeCRM limits.creates 50
    """
    with acting() as (tx, by, _):
        cancelled = act.set_value(tx, by, connection_named(tx, connection), name, value)
        unknown = act.unknown_in_books(tx, connection_named(tx, connection), name)
    _tell(connection, " ".join(filter(None, [f"{name} is {value or 'empty'} now.", unknown])), cancelled)


@mapping_group.command()
@click.argument("connection")
@click.argument("name")
def unset(connection: str, name: str) -> None:
    """Let the shipped value of a setting hold again."""
    with acting() as (tx, by, _):
        cancelled = act.unset(tx, by, connection_named(tx, connection), name)
    _tell(connection, f"{name} is as shipped again.", cancelled)


@mapping_group.command()
@click.argument("connection")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def override(connection: str, file: Path | None) -> None:
    """Print all that a connection changes, as JSON; with FILE, put that in its place.

    \b
    A file that adds a rule, changes one and removes one:
      {"kinds": {"account": {
          "add":    [{"crm": "Industry", "books": "JobDesc"}],
          "change": [{"crm": "Fax", "books": "Fax", "direction": "to_books"}],
          "remove": [{"crm": "Description", "books": "Notes"}]}}}
    """
    if file is None:
        with reading() as (tx, _):
            click.echo(to_json(connection_named(tx, connection).override or {}))
        return
    with acting() as (tx, by, _):
        cancelled = act.replace_override(tx, by, connection_named(tx, connection), json_object(file))
    _tell(connection, f"{file} is the override of {connection} now.", cancelled)


def _tell(connection: str, what: str, cancelled: int) -> None:
    click.echo(what)
    if cancelled:
        jobs = (
            "1 open job of a kind that is off now is"
            if cancelled == 1
            else (f"{cancelled} open jobs of kinds that are off now are")
        )
        click.echo(f"{jobs} cancelled.")
    click.echo("It holds for what changes from now on; what is there already: qbwc-server batch run --help")
    click.echo(f"Next: qbwc-server mapping check {connection}")
