"""`connection`: companies paired with CRMs."""

import json
from pathlib import Path
from typing import Any

import click

from qbwc_server import mapping
from qbwc_server.app import Installation
from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import acting, company_named, connection_named, opened, reading
from qbwc_server.cli.show import details, listing
from qbwc_server.errors import Problem, typed
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import ConnectionRow
from qbwc_server.sync import person
from qbwc_server.sync.checking import Checked, check_connection

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=Group)
def connection() -> None:
    """Companies paired with CRMs.

    \b
    qbwc-server connection add AcmeCRM --company Acme --crm salesforce \\
        --url https://acme.my.salesforce.com --credentials credentials.json
    qbwc-server connection check AcmeCRM
    """


@connection.command()
@click.argument("name")
@click.option("--company", required=True, help="Name of the company, as in: qbwc-server company list")
@click.option("--crm", required=True, metavar="VENDOR", help="salesforce")
@click.option("--url", required=True, help="Address of the CRM organisation.")
@click.option(
    "--credentials", type=FILE, metavar="FILE", help="JSON file with the login of an integration user."
)
@click.option("--profile", metavar="PROFILE", help="Shipped profile. Default: the one of the CRM's name.")
@click.option("--override", type=FILE, metavar="FILE", help="JSON file with changes to the profile.")
def add(
    name: str,
    company: str,
    crm: str,
    url: str,
    credentials: Path | None,
    profile: str | None,
    override: Path | None,
) -> None:
    """Connect a company with a CRM organisation.

    \b
    A credentials file for Salesforce holds one of:
      {"consumer_key": "...", "consumer_secret": "..."}
      {"consumer_key": "...", "username": "...", "private_key_file": "key.pem"}

    It is kept encrypted and can be deleted afterwards.
    """
    change = json_object(override) if override else None
    with acting() as (tx, by, installation):
        owner = company_named(tx, company)
        sealed = _sealed(installation, crm, url, credentials)
        new = person.NewConnection(name, owner.id, crm, url, sealed, profile or crm, change)
        person.add_connection(tx, by, new)
    click.echo(f"Connection {name} added: {company} with {url}.")
    click.echo(f"Next: qbwc-server connection check {typed(name)}")


def _sealed(installation: Installation, crm: str, url: str, path: Path | None) -> str:
    """The login, tried for completeness and encrypted; "" when none is given."""
    if path is None:
        return ""
    values = _credentials(path)
    installation.open_crm(crm, url, values).close()
    return installation.keys.seal(json.dumps(values))


def _credentials(path: Path) -> dict[str, str]:
    values = json_object(path)
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        raise Problem(f"{path}: {wrong[0]} is not a text.")
    key_file = values.pop("private_key_file", None)
    if key_file:
        # The key itself is kept, so that the file need not stay where it is.
        values["private_key"] = _key(path.parent / key_file)
    return values


def _key(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except ValueError:
        raise Problem(
            f"{str(path)!r}, the private_key_file, is not a text file. It must be a key in PEM."
        ) from None


def json_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise Problem(f"{path} is not a text file in UTF-8.") from None
    except json.JSONDecodeError as wrong:
        raise Problem(
            f"{path} is not JSON: {wrong.msg} in line {wrong.lineno}, column {wrong.colno}."
        ) from None
    except (ValueError, RecursionError):
        raise Problem(f"{path} holds a number or a nesting that no file of this kind needs.") from None
    if not isinstance(found, dict):
        raise Problem(f"{path} must hold one JSON object, {{...}}.")
    return found


@connection.command("list")
@json_option
def list_connections(as_json: bool) -> None:
    """List the connections and how they fare."""
    with reading() as (tx, _):
        rows = [_row(tx, one) for one in parties.all_connections(tx)]
    columns = {"name": "Connection", "company": "Company", "crm": "CRM", "url": "Address"}
    columns |= {"crm_read": "CRM last read (UTC)", "last_visit": "Last visit (UTC)", "state": "State"}
    empty = "No connection yet. Add one with: qbwc-server connection add NAME ..."
    listing(rows, columns, as_json=as_json, empty=empty)


def _row(tx: Tx, one: ConnectionRow) -> dict[str, Any]:
    organisation, company = (
        parties.organisation(tx, one.organisation_id),
        parties.company(tx, one.company_id),
    )
    assert organisation is not None
    assert company is not None
    trouble = (one.stopped_reason and f"stopped: {one.stopped_reason}") or organisation.poll_error
    return {
        "name": one.name,
        "company": company.name,
        "crm": organisation.vendor,
        "url": organisation.url,
        "profile": one.profile,
        "override": one.override,
        "crm_read": organisation.polled_at,
        "last_visit": company.last_visit_at,
        "state": trouble or ("in order" if company.last_visit_at else "waits for its first visit"),
        "stopped": one.stopped_reason,
    }


@connection.command()
@click.argument("name")
@click.option("--warnings", is_flag=True, help="Show warnings too, such as lengths that differ.")
@json_option
@click.pass_context
def check(ctx: click.Context, name: str, warnings: bool, as_json: bool) -> None:
    """Log in to the CRM and compare the mapping with the fields of both sides.

    Ends with 1 when something has to be put right.
    """
    with opened() as installation:
        with installation.database.read() as tx:
            one = connection_named(tx, name)
        result = check_of(installation, one)
    if as_json:
        details(result.plain(), as_json=True)
    else:
        _tell(name, result, warnings=warnings)
    ctx.exit(0 if result.ok else 1)


def check_of(installation: Installation, one: ConnectionRow) -> Checked:
    with installation.database.read() as tx:
        organisation, company = (
            parties.organisation(tx, one.organisation_id),
            parties.company(tx, one.company_id),
        )
    assert organisation is not None
    assert company is not None
    profile = mapping.load_profile(one.profile, one.override)
    login = json.loads(installation.keys.unseal(organisation.credentials))

    def open_crm(expected: dict[str, list[str]]) -> Any:
        return installation.open_crm(organisation.vendor, organisation.url, login, expected=expected)

    return check_connection(profile, company.qbxml_version, open_crm)


def _tell(name: str, result: Checked, *, warnings: bool) -> None:
    click.echo(result.text + (f" {result.quota}." if result.quota else ""))
    mild = [one for one in result.problems if one.severity == "warning"]
    for problem in result.problems:
        if warnings or problem not in mild:
            where = f" ({' <-> '.join(problem.rule)})" if problem.rule else ""
            click.echo(f"{problem.severity.capitalize()}: {problem.text}{where}")
    if mild and not warnings:
        click.echo(f"{len(mild)} warnings, such as lengths that differ; see them with --warnings.")
    ready = "ready" if result.ok else "not ready: put right what is named above, then check again"
    click.echo(f"{name} is {ready}.")


@connection.command()
@click.argument("name")
@click.option(
    "--reason", default="stopped by a person", show_default=True, help="Shown wherever it is missed."
)
def stop(name: str, reason: str) -> None:
    """Write nothing for this connection until it is started again."""
    with acting() as (tx, by, _):
        person.stop(tx, by, connection_named(tx, name), reason)
    click.echo(f"{name} is stopped. Changes are still read and wait for: qbwc-server connection start {name}")


@connection.command()
@click.argument("name")
def start(name: str) -> None:
    """Let a stopped connection go on."""
    with acting() as (tx, by, _):
        person.start(tx, by, connection_named(tx, name))
    click.echo(f"{name} goes on with the next update and the worker's next look.")
