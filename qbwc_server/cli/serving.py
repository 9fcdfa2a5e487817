"""`serve`, `worker` and `run`: the processes of an installation."""

import re
from urllib.parse import urlsplit

import click

from qbwc_server.cli import server
from qbwc_server.cli.frame import Command, home_of
from qbwc_server.cli.server import Serving
from qbwc_server.logs import set_up_logs
from qbwc_server.settings import load_settings

PORT = 8085
BIND = re.compile(r"(?P<host>[^\s:]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")


def _bind(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int]:
    if value is None:
        return "127.0.0.1", urlsplit(load_settings(home_of(ctx)).public_url).port or PORT
    found = BIND.fullmatch(value)
    if found is None or int(found["port"]) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:8085.")
    return found["host"], int(found["port"])


BIND_OPTION = click.option(
    "--bind",
    callback=_bind,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one. Default: 127.0.0.1 and the port of the setting public_url.",
)


@click.command(cls=Command)
@BIND_OPTION
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.pass_context
def serve(ctx: click.Context, bind: tuple[str, int], workers: int) -> None:
    """Answer the Web Connector and show the status pages; the background work is the worker's.

    Put a web server with a certificate in front: the Web Connector wants https from any host but localhost.
    """
    set_up_logs("WARNING")
    host, port = bind
    server.serve(Serving(home_of(ctx), host, port, workers))


@click.command(cls=Command)
@click.pass_context
def worker(ctx: click.Context) -> None:
    """Read and write the CRMs in the background.

    One worker leads; a second one waits until the first is gone.
    """
    server.work(home_of(ctx))


@click.command(cls=Command)
@BIND_OPTION
@click.option("--break-soap", is_flag=True, hidden=True, help="Answer the Web Connector wrongly, for tests.")
@click.pass_context
def run(ctx: click.Context, bind: tuple[str, int], break_soap: bool) -> None:
    """Serve and work in one process: all that a small installation needs."""
    set_up_logs("WARNING")
    host, port = bind
    server.serve(Serving(home_of(ctx), host, port, with_worker=True, break_soap=break_soap))
