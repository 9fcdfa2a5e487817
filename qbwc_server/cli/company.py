"""`company`: QuickBooks company files and their Web Connector users."""

from typing import TextIO

import click

from qbwc_server import secrets
from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.opened import acting, company_named, reading
from qbwc_server.cli.show import details, listing
from qbwc_server.errors import Problem, typed
from qbwc_server.secrets import Keys
from qbwc_server.store import parties
from qbwc_server.store.rows import Company
from qbwc_server.sync import person

PASSWORD_FILE = click.option(
    "--password-file",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="Read the password from a file, or from standard input (-). Without it a good one is made and shown.",
)


@click.group(cls=Group)
def company() -> None:
    """QuickBooks company files that are kept in step.

    \b
    qbwc-server company add Acme --user acme --timezone America/New_York
    qbwc-server company list
    """


@company.command()
@click.argument("name")
@click.option("--user", required=True, help="User name that the Web Connector logs in with.")
@PASSWORD_FILE
@click.option(
    "--timezone",
    default="America/New_York",
    show_default=True,
    metavar="ZONE",
    help="Zone of the PC that QuickBooks runs on.",
)
@click.option(
    "--company-file",
    default="",
    metavar="PATH",
    help="Windows path of the company file. Default: whatever is open in QuickBooks.",
)
@json_option
def add(
    name: str, user: str, password_file: TextIO | None, timezone: str, company_file: str, as_json: bool
) -> None:
    """Add a company and its Web Connector user."""
    with acting() as (tx, by, installation):
        password, stored = _password(password_file, installation.keys)
        new = person.NewCompany(name, user, stored, timezone, company_file)
        made = person.add_company(tx, by, new)
    values = {"company": made.name, "user": made.user_name, "file_id": made.file_id}
    if as_json:
        details(values | ({"password": password} if password else {}), as_json=True)
        return
    click.echo(f"Company {name} added with the Web Connector user {user}.")
    _tell(password)
    click.echo(f"Next: connect it with a CRM, then: qbwc-server qwc {typed(name)} > {_file_name(name)}")


def _file_name(name: str) -> str:
    """A .qwc file of the company's name, where Windows may call a file so."""
    return typed("company.qwc" if set(name) & set('<>:"/|?*') else f"{name}.qwc")


@company.command("password")
@click.argument("name")
@PASSWORD_FILE
def change_password(name: str, password_file: TextIO | None) -> None:
    """Give a company's Web Connector user a new password."""
    with acting() as (tx, by, installation):
        password, stored = _password(password_file, installation.keys)
        person.set_password(tx, by, company_named(tx, name), stored)
    click.echo(f"The password of {name} is changed. Type it into the Web Connector's Password cell.")
    _tell(password)


def _password(file: TextIO | None, keys: Keys) -> tuple[str, str]:
    """(the password to show once, or "" when a person chose it; what to store)."""
    if file is None:
        made = secrets.generate_password()
        return made, secrets.hash_password(made, keys, generated=True)
    try:
        return "", secrets.hash_password(file.read().rstrip("\r\n"), keys, generated=False)
    except ValueError as wrong:
        raise Problem(f"{file.name}: {wrong} Nothing was changed.") from wrong


def _tell(password: str) -> None:
    if password:
        click.echo(f"\nIts password, shown this once:\n\n  {password}\n")


@company.command("list")
@json_option
def list_companies(as_json: bool) -> None:
    """List the companies and what is known of their files."""
    with reading() as (tx, _):
        rows = [_row(one) for one in parties.all_companies(tx)]
    columns = {"name": "Company", "user": "User", "timezone": "Time zone", "file": "Company file"}
    columns |= {"qbxml": "qbXML", "last_visit": "Last visit (UTC)"}
    listing(
        rows, columns, as_json=as_json, empty="No company yet. Add one with: qbwc-server company add NAME ..."
    )


def _row(one: Company) -> dict[str, object]:
    return {
        "name": one.name,
        "user": one.user_name,
        "timezone": one.timezone,
        "file": one.pinned_path or one.company_file or "not visited yet",
        "file_name": one.pinned_name,
        "file_id": one.file_id,
        "product": one.product,
        "qbxml": one.qbxml_version,
        "last_visit": one.last_visit_at,
    }


@company.command()
@click.argument("name")
def confirm(name: str) -> None:
    """Accept that a company file was renamed, moved or restored from a backup.

    Only when you know it: a copy of a company file must not be synchronized as if it were the original.
    """
    with acting() as (tx, by, _):
        anew = person.confirm_file(tx, by, company_named(tx, name))
    click.echo(f"Accepted. The next update of {name} remembers the file that is open then.")
    if anew:
        click.echo(
            "Its file had gone back in time, so all of it is read again before anything is written. Where the CRM and "
            "QuickBooks differ then, you are asked which side is right: qbwc-server conflict list"
        )


@company.command()
@click.argument("name")
def reconcile(name: str) -> None:
    """Compare all ids of QuickBooks with what is stored, at the next update instead of next week.

    It finds what no change ever told: records that are gone for more than 90 days, and edits made while the clock of
    QuickBooks' PC was wrong.
    """
    with acting() as (tx, by, _):
        kinds = person.reconcile(tx, by, company_named(tx, name))
    if not kinds:
        raise Problem(f"{name} was not read yet; its first update reads everything.")
    click.echo(f"The next update of {name} compares all ids of {kinds} kinds of records.")
