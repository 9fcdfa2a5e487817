"""`qwc`: the file that adds a company to the Web Connector."""

from urllib.parse import urlsplit

import click

from qbwc_server import mapping
from qbwc_server.cli.frame import Command
from qbwc_server.cli.opened import acting, company_named, reading
from qbwc_server.soap.qwc import MAX_DESCRIPTION, OWNER_ID, build_qwc
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company
from qbwc_server.sync import person

UNCONNECTED = "QuickBooks Sync"


@click.command(cls=Command)
@click.argument("company")
@click.option(
    "--url", help="Address of this server as the QuickBooks PC sees it. Default: the setting public_url."
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    metavar="MINUTES",
    help="Suggest an Auto-Run of so many minutes. Remembered: doctor and the status page miss a visit by it.",
)
def qwc(company: str, url: str | None, every: int | None) -> None:
    """Print the .qwc file of a company.

    \b
    qbwc-server qwc Acme --url https://sync.example.com/qbwc > Acme.qwc

    Open the file on the QuickBooks PC; the Web Connector then asks for the password. The same company always
    gives the same file, so printing it again is harmless.
    """
    if every is not None:
        with acting() as (tx, by, _):
            person.expect_visits(tx, by, company_named(tx, company), every)
    with reading() as (tx, installation):
        one = company_named(tx, company)
        address = url or installation.settings.public_url
        text = build_qwc(
            app_name=application_name(tx, one),
            app_url=address,
            support_url=_support(address),
            user=one.user_name,
            owner_id=OWNER_ID,
            file_id=one.file_id,
            description=f"Keeps {one.name} in step with its CRM."[:MAX_DESCRIPTION].strip(),
            minutes=one.visit_minutes,
        )
    click.echo(text, nl=False)


def application_name(tx: Tx, company: Company) -> str:
    """What the Web Connector shows and registers: after the oldest connection, so that later ones change nothing."""
    connections = sorted(parties.connections_of_company(tx, company.id), key=lambda one: one.created_at)
    if not connections:
        click.echo(
            f"Note: {company.name} has no connection yet. Add it first: the application is named after it.",
            err=True,
        )
        return f"{UNCONNECTED} - {company.name}"
    profile = mapping.load_profile(connections[0].profile, connections[0].override)
    return f"{profile.app_name_prefix} - {company.name}"


def _support(address: str) -> str:
    """The support page on the same host, as the Web Connector demands; what is no address is refused there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    return f"{parts.scheme}://{parts.netloc}/support"
