"""The command `qbwc-server` itself: its groups, loaded when they are needed, and help that begins with examples."""

import io
import sys
from importlib import import_module
from typing import Any

import click

from qbwc_server.cli.frame import Group

# Command -> where it is. A command's file is imported only when it is called or when all are listed.
COMMANDS = {
    "init": "qbwc_server.cli.installation:init",
    "company": "qbwc_server.cli.company:company",
    "qwc": "qbwc_server.cli.qwc:qwc",
    "connection": "qbwc_server.cli.connection:connection",
    "serve": "qbwc_server.cli.serving:serve",
    "worker": "qbwc_server.cli.serving:worker",
    "run": "qbwc_server.cli.serving:run",
    "sync-now": "qbwc_server.cli.sync_now:sync_now",
    "batch": "qbwc_server.cli.batch:batch",
    "job": "qbwc_server.cli.job:job",
    "link": "qbwc_server.cli.link:link",
    "conflict": "qbwc_server.cli.conflict:conflict",
    "mapping": "qbwc_server.cli.mapping:mapping_group",
    "log": "qbwc_server.cli.log:log",
    "doctor": "qbwc_server.cli.doctor:doctor",
    "backup": "qbwc_server.cli.backup:backup",
    "restore": "qbwc_server.cli.backup:restore",
    "simulate": "qbwc_server.cli.simulate:simulate",
    "demo": "qbwc_server.cli.demo:demo",
}


class Root(Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found


EXAMPLES = """\
\b
A first set-up:
  qbwc-server init
  qbwc-server company add Acme --user acme --timezone America/New_York
  qbwc-server connection add AcmeCRM --company Acme --crm salesforce \\
      --url https://acme.my.salesforce.com --credentials credentials.json
  qbwc-server connection check AcmeCRM
  qbwc-server qwc Acme > Acme.qwc      (open this file on the QuickBooks PC)
  qbwc-server run
\b
Every day:
  qbwc-server doctor                   what is wrong, and what to do about it
  qbwc-server job list --needs-person  what waits for you
"""


@click.group(cls=Root, epilog=EXAMPLES, context_settings={"max_content_width": 110})
@click.version_option(package_name="qbwc-server", prog_name="qbwc-server")
def root() -> None:
    """Keep a CRM and a QuickBooks Desktop company file in step."""


def main(**extra: Any) -> None:
    """The entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A customer's name that the terminal cannot show is no reason to fail.
            stream.reconfigure(errors="replace")
    root.main(prog_name="qbwc-server", **extra)
