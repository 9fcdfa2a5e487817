"""`doctor`: what is wrong with an installation, and what to do about it."""

import click

from qbwc_server import app
from qbwc_server.cli.examination import Finding, examine, first_findings, repair
from qbwc_server.cli.frame import Command, home_of, json_option
from qbwc_server.cli.show import progress, to_json
from qbwc_server.errors import Problem
from qbwc_server.logs import set_up_logs

MARKS = {"ok": "ok   ", "look": "look ", "wrong": "WRONG"}


@click.command(cls=Command)
@click.option("--offline", is_flag=True, help="Do not call the CRMs.")
@click.option("--repair", "mend", is_flag=True, help="Put right what only makes somebody look again.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, offline: bool, mend: bool, as_json: bool) -> None:
    """Examine the installation: settings, database, worker, visits, CRMs, jobs and pairs.

    Each line says what to do. --repair ends no doubt and writes to neither side. Ends with 1 when something is wrong.
    """
    set_up_logs("ERROR")
    findings = first_findings(home_of(ctx))
    if not any(one.level == "wrong" for one in findings):
        findings += _of_installation(ctx, offline=offline, mend=mend)
    if as_json:
        click.echo(to_json([one.__dict__ for one in findings]))
    else:
        for one in findings:
            click.echo(
                f"{MARKS[one.level]}  {one.text}" + (f"\n         -> {one.to_do}" if one.to_do else "")
            )
    ctx.exit(1 if any(one.level == "wrong" for one in findings) else 0)


def _of_installation(ctx: click.Context, *, offline: bool, mend: bool) -> list[Finding]:
    try:
        installation = app.open_installation(home_of(ctx))
    except Problem as problem:
        return [Finding("wrong", problem.text)]
    try:
        with progress("Examining", None):
            repaired = repair(installation) if mend else []
            return [*repaired, *examine(installation, offline=offline)]
    finally:
        installation.close()
