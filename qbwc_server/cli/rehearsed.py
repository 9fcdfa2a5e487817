"""What a rehearsal found, told to a person."""

from collections.abc import Iterator, Sequence

import click

from qbwc_server.cli.show import said, to_json
from qbwc_server.store.rows import Company
from qbwc_server.sync.rehearsal import Planned, Rehearsal

PLACES = {"books": "QuickBooks", "crm": "the CRM"}
ACTIONS = {"add": "Create", "change": "Change", "recreate": "Create again", "end": "Void or delete"}
SHOWN_VALUE = 60


def tell(results: Sequence[tuple[Company, Rehearsal]], *, as_json: bool) -> None:
    if as_json:
        click.echo(to_json([_plain(company, result) for company, result in results]))
        return
    for company, result in results:
        for line in _lines(company, result):
            click.echo(line)


def _plain(company: Company, result: Rehearsal) -> dict[str, object]:
    planned = [
        one.__dict__ | {"changes": [change.__dict__ for change in one.changes]} for one in result.planned
    ]
    return result.__dict__ | {"company": company.name, "planned": planned}


def _lines(company: Company, result: Rehearsal) -> Iterator[str]:
    seen = f"{company.last_visit_at:%Y-%m-%d %H:%M} UTC" if company.last_visit_at else None
    yield f"{company.name}: nothing was changed. " + (
        f"QuickBooks is taken as it was read at {seen}."
        if seen
        else "QuickBooks has not been read yet; its first update comes before anything is decided."
    )
    yield from result.stopped
    for one in result.planned:
        yield ""
        yield from _paragraph(one)
    yield ""
    yield _totals(result)


def _paragraph(one: Planned) -> Iterator[str]:
    state = "" if one.approved else " (waits for your approval: qbwc-server job list --proposed)"
    yield f"{ACTIONS.get(one.action, one.action)} in {PLACES[one.side]}: {one.kind} {one.label}{state}"
    if one.reason:
        yield f"  because: {one.reason}"
    if one.refusal:
        yield f"  cannot go as it is: {one.refusal}"
    for change in one.changes:
        old = f"{_short(change.old)} -> " if change.old is not None else ""
        yield f"  {change.field}: {old}{_short(change.new)}"


def _totals(result: Rehearsal) -> str:
    unfit = sum(1 for one in result.planned if one.refusal)
    to_books = sum(1 for one in result.planned if one.side == "books") - unfit
    to_crm = sum(1 for one in result.planned if one.side == "crm")
    parts = [f"{to_books} writes to QuickBooks", f"{to_crm} to the CRM"]
    parts += [f"{unfit} not fit for QuickBooks"] if unfit else []
    parts += [f"{result.waiting} records wait for the first read of both sides"] if result.waiting else []
    return "In all: " + ", ".join(parts) + "."


def _short(value: object) -> str:
    text = said(value)
    return "(empty)" if not text else text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 1] + "…"
