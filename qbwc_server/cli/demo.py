"""`demo`: the whole product on this computer, each claim checked."""

import signal
import sys

import click

from qbwc_server.cli.frame import Command
from qbwc_server.demo import LEAST_ACCOUNTS, Wishes, play
from qbwc_server.logs import set_up_logs


@click.command(cls=Command)
@click.option("--accounts", default=30, show_default=True, type=click.IntRange(LEAST_ACCOUNTS, 2000))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same accounts.")
@click.option("--serve", is_flag=True, help="Leave everything running until Ctrl-C.")
@click.option(
    "--break-soap", is_flag=True, hidden=True, help="Let the server answer the Web Connector wrongly."
)
@click.pass_context
def demo(ctx: click.Context, accounts: int, seed: int, serve: bool, break_soap: bool) -> None:
    """Show a synchronization of Salesforce and QuickBooks, both simulated here, by the real server.

    It makes a folder of its own, ends by itself in less than a minute, and ends with 1 when a claim fails.
    """
    set_up_logs("ERROR")
    # Asked to end, everything that was started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Shells let programs in the background ignore Ctrl-C; this one was asked to end by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ctx.exit(play(Wishes(accounts, seed, serve, break_soap), click.echo))
