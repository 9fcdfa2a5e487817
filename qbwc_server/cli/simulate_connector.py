"""`simulate connector`: a Web Connector that keeps its applications in the installation's home."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from qbwc_server.cli.frame import Group, json_option, until_interrupted
from qbwc_server.cli.open_company import (
    FILE,
    company_if_named,
    company_option,
    connector_home,
    open_company,
)
from qbwc_server.cli.show import listing
from qbwc_server.simulator import Options, SimulatorError, UpdateResult, WebConnector, commands
from qbwc_server.simulator.connector.log import LEVELS
from qbwc_server.simulator.connector.qwc import read as read_qwc
from qbwc_server.simulator.connector.unconfirmed import positions
from qbwc_server.simulator.connector.unconfirmed import rows as open_questions

PORT = click.IntRange(0, 65535)
F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    """--computer and --level, given to the command as computer and level."""
    computer = click.option(
        "--computer",
        default=Options.computer,
        show_default=True,
        metavar="NAME",
        help="The PC it runs on; another name is another PC.",
    )
    level = click.option(
        "--level", type=click.Choice(LEVELS), default="DEBUG", show_default=True, help="What the log keeps."
    )
    return computer(level(command))


@click.group(cls=Group)
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


@connector.command("list")
@json_option
@click.pass_context
def listed(ctx: click.Context, as_json: bool) -> None:
    """Show the applications as the window does."""
    columns = {"application": "Application", "every": "Every (s)", "password": "Password"}
    columns |= {"last_result": "Last Result", "last_run": "Last Run"}
    listing(
        commands.connector_rows(connector_home(ctx)),
        columns,
        as_json=as_json,
        empty="No application is here.",
    )


@connector.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Remove an application, and its stamp from the company file."""
    click.echo(commands.connector_remove(connector_home(ctx), name))


@connector.command()
@click.argument("name")
@click.argument("password_file", type=click.File("r", encoding="utf-8"))
@click.pass_context
def password(ctx: click.Context, name: str, password_file: TextIO) -> None:
    """Type a password, read from a file, into the Password cell of an application."""
    click.echo(commands.connector_password(connector_home(ctx), name, password_file.read().rstrip("\r\n")))


@connector.command()
@click.argument("name")
@click.argument("seconds", type=click.IntRange(min=1))
@click.pass_context
def every(ctx: click.Context, name: str, seconds: int) -> None:
    """Set how often an application runs by itself; its own limit is the least."""
    click.echo(commands.connector_every(connector_home(ctx), name, seconds))


@connector.command()
@click.argument("name", required=False)
@click.argument("position", required=False)
@json_option
@click.pass_context
def rule(ctx: click.Context, name: str | None, position: str | None, as_json: bool) -> None:
    """What no source settles: show every rule, one of them, or move one to a position."""
    with closing(WebConnector(connector_home(ctx))) as opened:
        if name and position:
            click.echo(f"{name} is {opened.rule(name, position)} now.")
            return
        found = [
            {"rule": one, "position": opened.rule(one), "positions": positions(one), "sentence": sentence}
            for one, sentence, _, _ in open_questions()
            if name in (None, one)
        ]
        if name and not found:
            opened.rule(name)
    listing(
        found,
        {"rule": "Rule", "position": "Is", "positions": "Can be", "sentence": "What it says"},
        as_json=as_json,
        empty="",
    )


@connector.command()
@click.argument("name", required=False)
@_options
@json_option
@click.pass_context
def update(ctx: click.Context, name: str | None, computer: str, level: Any, as_json: bool) -> None:
    """Press Update Selected, for one application or for all."""
    options = Options(computer=computer, level=level)
    _tell(ctx, commands.connector_update(connector_home(ctx), name, options), as_json=as_json)


@connector.command("auto-run")
@click.argument("name", required=False)
@click.option("--every", type=click.IntRange(min=1), metavar="SECONDS", help="Default: as each row says.")
@click.option("--times", default=1, show_default=True, type=click.IntRange(min=1), help="How many runs.")
@click.option("--control", type=PORT, metavar="PORT", help="Open a control port meanwhile; 0 = a free one.")
@_options
@company_if_named
@json_option
@click.pass_context
def auto_run(
    ctx: click.Context,
    /,
    name: str | None,
    control: int | None,
    company_file: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Update by itself, every so many seconds."""
    home = connector_home(ctx)
    options = Options(computer=given["computer"], level=given["level"])
    with ExitStack() as stack:
        if control is not None:
            port = stack.enter_context(commands.controlled(home, company_file or open_company(home), control))
            click.echo(f"Control port: http://127.0.0.1:{port}/", err=True)
        results = commands.connector_auto_run(home, name, given["every"], given["times"], options)
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
    with commands.controlled(connector_home(ctx), company_file, control) as port, until_interrupted():
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
