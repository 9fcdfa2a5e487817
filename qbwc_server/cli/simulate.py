"""`simulate`: a QuickBooks company file and a Web Connector that run here."""

import click

from qbwc_server.cli.frame import Group
from qbwc_server.cli.simulate_company import company
from qbwc_server.cli.simulate_connector import connector
from qbwc_server.cli.simulate_fault import fault


@click.group(cls=Group)
def simulate() -> None:
    """A QuickBooks company file and a Web Connector that run here, without Windows.

    \b
    qbwc-server simulate company new acme.sqlite --name "Acme Inc" --timezone America/New_York
    qbwc-server simulate company seed acme.sqlite --customers 20 --items 10 --invoices 30
    qbwc-server simulate company sql acme.sqlite "SELECT * FROM invoices"
    qbwc-server simulate company serve acme.sqlite
    qbwc-server simulate connector add Acme.qwc --company acme.sqlite --password-file password.txt
    qbwc-server simulate connector update
    qbwc-server simulate fault arm modal_dialog
    """


simulate.add_command(company)
simulate.add_command(connector)
simulate.add_command(fault)
