"""`batch`: the records of one kind and a range of days, as if somebody had promoted each of them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import click

from qbwc_server.app import Installation
from qbwc_server.cli.crm_now import reread
from qbwc_server.cli.frame import Group, actor, ask, json_option
from qbwc_server.cli.opened import kind_named, opened, the_connection
from qbwc_server.cli.show import progress, said, to_json
from qbwc_server.errors import Problem
from qbwc_server.store.rows import ConnectionRow
from qbwc_server.sync import batch as engine
from qbwc_server.sync.batch import Became, Report, Span, Wanted
from qbwc_server.sync.decide import NAMES
from qbwc_server.sync.person import By
from qbxml import WallTime

DAY = timedelta(days=1)
# Reasons that are told on the screen; JSON tells them all, record by record.
TOLD = 12
NEXT = {
    Became.PROPOSED: "Approve what waits: qbwc-server job approve --all",
    Became.UNFIT: "What is not fit is tried again by itself once the record is corrected.",
}


@click.group(cls=Group)
def batch() -> None:
    """Many records at once, chosen by kind and by day of change.

    \b
    qbwc-server batch run AcmeCRM --kind account --from 2026-01-01 --preview
    """


@batch.command()
@click.argument("connection", required=False)
@click.option("--kind", required=True, metavar="NAME", help="As in: qbwc-server mapping kinds")
@click.option("--from", "first", metavar="DATE", help="Modified on this day (2026-01-31) or later.")
@click.option("--to", "last", metavar="DATE", help="Modified on this day or earlier.")
@click.option(
    "--side",
    type=click.Choice(["crm", "books"]),
    help="Whose records. Default: the CRM's, and QuickBooks' for a kind that only comes from there.",
)
@click.option("--preview", "how", flag_value="preview", help="Tell how many, and change nothing.")
@click.option("--yes", "how", flag_value="yes", help="Do it without a preview and without being asked.")
@json_option
def run(
    connection: str | None,
    kind: str,
    first: str | None,
    last: str | None,
    side: Any,
    how: str | None,
    as_json: bool,
) -> None:
    """Treat the records of a kind that were modified in a range of days as if each had been promoted.

    Everything else holds as always: filters, what a record must have, matching, safety limits. Days are those of the
    company's time zone. Without --yes you see the numbers first and are asked.
    """
    if as_json and not how:
        raise Problem("--json asks nobody: say --preview or --yes with it.")
    with opened() as installation:
        with installation.database.read() as tx:
            one = the_connection(tx, connection)
        wanted = Wanted(kind, engine.side_of(kind_named(one, kind), side), _span(first, last))
        if how != "yes":
            _tell(_rehearsed(installation, one, wanted), wanted, as_json=as_json, done=False)
        if how is None:
            ask("Do it now?")
        if how != "preview":
            _tell(_carried_out(installation, one, wanted), wanted, as_json=as_json, done=True)


def _span(first: str | None, last: str | None) -> Span:
    start, end = _day("--from", first), _day("--to", last)
    if start and end and start > end:
        raise Problem(f"--from {start} is after --to {end}, so no day is left. Swap them.")
    return Span(_midnight(start), _midnight(end + DAY if end else None))


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem(
            f"{option} {text!r} is no day. Write it as year-month-day, such as 2026-01-31."
        ) from None


def _midnight(day: date | None) -> WallTime | None:
    return WallTime.parse(day.isoformat()) if day else None


def _read_again(installation: Installation, one: ConnectionRow, wanted: Wanted) -> None:
    """The CRM's records are read now; QuickBooks' are those of the last update."""
    if one.stopped_reason is None:
        reread(installation, one, kind_named(one, wanted.kind))


def _rehearsed(installation: Installation, one: ConnectionRow, wanted: Wanted) -> Report:
    _read_again(installation, one, wanted)
    with progress("Deciding", None) as advance:
        return engine.rehearse(installation.database, one, wanted, installation.clock, advance)


def _carried_out(installation: Installation, one: ConnectionRow, wanted: Wanted) -> Report:
    _read_again(installation, one, wanted)
    by = By(actor(), installation.clock())
    with progress("Deciding", None) as advance:
        return engine.carry_out(installation.database, one, wanted, by, installation.clock, advance)


# --- telling ---


def _tell(report: Report, wanted: Wanted, *, as_json: bool, done: bool) -> None:
    if as_json:
        sync_id = f"S{report.run_number}" if report.run_number else None
        plain = [one.__dict__ | {"became": str(one.became)} for one in report.results]
        click.echo(to_json({"done": done, "sync_id": sync_id, "counts": report.counts, "records": plain}))
        return
    for line in _lines(report, wanted, done=done):
        click.echo(line)


def _lines(report: Report, wanted: Wanted, *, done: bool) -> Iterator[str]:
    here, there = NAMES[wanted.side], NAMES[engine.OTHER[wanted.side]]
    number = len(report.results)
    yield f"{number} record{'' if number == 1 else 's'} of the kind {wanted.kind} in {here}{_days(wanted.span)}."
    for name, count in report.counts.items():
        yield f"  {count:>6} {name}{f' in {there}' if name == Became.CREATED else ''}"
    if report.reasons:
        yield "Why some go no further:"
    for reason, count, label in report.reasons[:TOLD]:
        yield f"  {count:>6} {said(reason)} ({said(label)}{', ...' if count > 1 else ''})"
    if len(report.reasons) > TOLD:
        yield f"  and {len(report.reasons) - TOLD} other reasons; --json tells every record's."
    yield from (text for became, text in NEXT.items() if done and str(became) in report.counts)
    yield _ending(report, wanted, done=done)


def _days(span: Span) -> str:
    first = f" from {span.first.text()[:10]}" if span.first else ""
    last = f" to {span.end.minus(DAY).text()[:10]}" if span.end else ""
    return f", modified{first}{last}" if first or last else ""


def _ending(report: Report, wanted: Wanted, *, done: bool) -> str:
    if not done:
        return "Nothing was changed: this is what a run would do."
    goes = (
        "What is created goes with the next update of the Web Connector."
        if wanted.side == "crm"
        else "The worker writes it to the CRM, or you do: qbwc-server sync-now."
    )
    created = str(Became.CREATED) in report.counts
    return f"{goes + ' ' if created else ''}See: qbwc-server log show S{report.run_number}"
