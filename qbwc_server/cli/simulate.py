"""`simulate`: a QuickBooks company file and a Web Connector that run here."""

import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TextIO

import click

from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.open_company import (
    FILE,
    company_if_named,
    company_option,
    connector_home,
    open_company,
)
from qbwc_server.cli.show import listing
from qbwc_server.cli.simulate_company import company
from qbwc_server.cli.simulate_fault import fault
from qbwc_server.simulator import SimulatorError, UpdateResult, commands
from qbwc_server.simulator.connector.qwc import read as read_qwc

PORT = click.IntRange(0, 65535)


@click.group(cls=Group)
def simulate() -> None:
    """A QuickBooks company file and a Web Connector that run here, without Windows.

    \b
    qbwc-server simulate company new acme.sqlite --name "Acme Inc" --timezone America/New_York
    qbwc-server simulate company seed acme.sqlite 20
    qbwc-server simulate connector add Acme.qwc --company acme.sqlite --password-file password.txt
    qbwc-server simulate connector update
    """


simulate.add_command(company)
simulate.add_command(fault)


@simulate.group(cls=Group)
def connector() -> None:
    """A simulated Web Connector. It keeps its applications and its log in the installation's home."""


@connector.command()
@click.argument("qwc", type=FILE)
@company_if_named
@click.option("--password-file", type=click.File("r", encoding="utf-8"), metavar="FILE")
@click.pass_context
def add(ctx: click.Context, qwc: Path, company_file: Path | None, password_file: TextIO | None) -> None:
    """Add an application: the .qwc file, for the company file that is open."""
    if not qwc.exists():
        raise SimulatorError(f"{qwc} does not exist. Make it with: qbwc-server qwc COMPANY > {qwc}")
    home = connector_home(ctx)
    click.echo(commands.connector_add(home, qwc, company_file or open_company(home)))
    if password_file is not None:
        name = read_qwc(qwc.read_bytes()).registered_name
        click.echo(commands.connector_password(home, name, password_file.read().rstrip("\r\n")))


@connector.command()
@click.argument("name")
@click.argument("password_file", type=click.File("r", encoding="utf-8"))
@click.pass_context
def password(ctx: click.Context, name: str, password_file: TextIO) -> None:
    """Type a password, read from a file, into the Password cell of an application."""
    click.echo(commands.connector_password(connector_home(ctx), name, password_file.read().rstrip("\r\n")))


@connector.command()
@click.argument("name", required=False)
@json_option
@click.pass_context
def update(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Press Update Selected, for one application or for all."""
    _tell(ctx, commands.connector_update(connector_home(ctx), name), as_json=as_json)


@connector.command("auto-run")
@click.argument("name", required=False)
@click.option("--every", type=click.IntRange(min=1), required=True, metavar="SECONDS")
@click.option("--times", default=1, show_default=True, type=click.IntRange(min=1), help="How many runs.")
@click.option("--control", type=PORT, metavar="PORT", help="Open a control port meanwhile; 0 = a free one.")
@company_if_named
@json_option
@click.pass_context
def auto_run(
    ctx: click.Context,
    name: str | None,
    every: int,
    times: int,
    control: int | None,
    company_file: Path | None,
    as_json: bool,
) -> None:
    """Update by itself, every so many seconds."""
    home = connector_home(ctx)
    with ExitStack() as stack:
        if control is not None:
            port = stack.enter_context(commands.controlled(home, company_file or open_company(home), control))
            click.echo(f"Control port: http://127.0.0.1:{port}/", err=True)
        results = commands.connector_auto_run(home, name, every, times)
    _tell(ctx, results, as_json=as_json)


@connector.command()
@click.option("--control", default=8055, show_default=True, type=PORT, metavar="PORT", help="0 = a free one.")
@company_option
@click.pass_context
def serve(ctx: click.Context, control: int, company_file: Path) -> None:
    """Wait for orders on a control port: faults to arm, updates to make. Ends with Ctrl-C.

    \b
    curl localhost:8055/faults
    curl -H "Content-Type: application/json" -d "{}" localhost:8055/update
    """
    with commands.controlled(connector_home(ctx), company_file, control) as port, suppress(KeyboardInterrupt):
        click.echo(f"Control port: http://127.0.0.1:{port}/")
        threading.Event().wait()


@connector.command()
@click.pass_context
def log(ctx: click.Context) -> None:
    """Print the Web Connector's log (QWCLog.txt)."""
    click.echo(commands.connector_log(connector_home(ctx)), nl=False)


def _tell(ctx: click.Context, results: list[UpdateResult], *, as_json: bool) -> None:
    rows = [
        {"application": one.app_name, "ok": one.ok, "status": one.status, "calls": one.calls}
        | {"code": one.code, "progress": one.progress, "messages": one.messages}
        for one in results
    ]
    columns = {"ok": "OK", "application": "Application", "status": "Status"}
    listing(rows, columns, as_json=as_json, empty="Nothing was updated.")
    ctx.exit(0 if all(one.ok for one in results) else 1)
