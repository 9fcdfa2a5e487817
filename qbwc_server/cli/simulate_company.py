"""`simulate company`: a QuickBooks company file to fill, to look at, to ask and to work in by hand."""

import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from qbwc_server.cli.failures import Failure
from qbwc_server.cli.frame import Group, json_option, until_interrupted
from qbwc_server.cli.open_company import FILE, OPEN_FILE, connector_home
from qbwc_server.cli.show import listing, to_json
from qbwc_server.simulator import CompanyFile, ProcessError, commands, views
from qbwc_server.simulator.company.features import PREFERENCES
from qbwc_server.simulator.company.host import EDITIONS
from qbwc_server.simulator.company.plain_lists import HOME_CURRENCIES
from qbwc_server.simulator.company.rules import RULES
from qbwc_server.simulator.endpoint import Endpoint

PORT = click.IntRange(0, 65535)
CENT = Decimal("0.01")
COUNT = click.IntRange(min=0)
LIST = click.option("--kind", default="Customer", show_default=True, help="Customer, Vendor, ItemService ...")
KIND = click.option(
    "--kind", default="Customer", show_default=True, help="Customer, ItemService, Invoice ..."
)
FORM = click.option(
    "--kind", default="Invoice", show_default=True, help="Invoice, CreditMemo, SalesReceipt ..."
)


class Amount(click.ParamType[Decimal]):
    """Money with two decimals at most."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(str(value))
            if amount == amount.quantize(CENT):
                return amount
        except InvalidOperation:
            pass  # no number, or none with an end
        return self.fail(f"{value!r} is no amount like 49.90.", param, ctx)


@click.group(cls=Group)
def company() -> None:
    """A simulated QuickBooks company file (one SQLite file)."""


@company.command()
@click.argument("file", type=FILE)
@click.option("--name", default="Sample Company", show_default=True, help="The company's name.")
@click.option("--timezone", default="America/New_York", show_default=True, metavar="ZONE")
@click.option("--edition", type=click.Choice(tuple(EDITIONS)), default="Premier", show_default=True)
@click.option("--country", type=click.Choice(tuple(HOME_CURRENCIES)), default="US", show_default=True)
@click.pass_context
def new(ctx: click.Context, file: Path, name: str, timezone: str, edition: str, country: str) -> None:
    """Make a new company file and open it in the simulated QuickBooks."""
    click.echo(commands.new(file, name, timezone, edition=edition, country=country))
    home = connector_home(ctx)
    home.mkdir(parents=True, exist_ok=True)
    (home / OPEN_FILE).write_text(str(file), "utf-8")


@company.command()
@click.argument("file", type=FILE)
@click.argument("xml", type=FILE)
def load(file: Path, xml: Path) -> None:
    """Take in a recorded CustomerQueryRs answer."""
    click.echo(commands.load(file, xml))


@company.command()
@click.argument("file", type=FILE)
@click.argument("count", type=COUNT, required=False, default=0)
@click.option("--customers", type=COUNT, default=0, help="As COUNT.")
@click.option(
    "--items", type=COUNT, default=0, help="Services, things kept in stock and things that are not."
)
@click.option("--invoices", type=COUNT, default=0, help="Most of them paid. Needs customers and items.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same company.")
def seed(file: Path, count: int, customers: int, items: int, invoices: int, seed: int) -> None:
    """Enter COUNT believable customers, a fifth of them with a job; items and invoices too if wanted."""
    if not (count or customers or items or invoices):
        raise click.UsageError("Say how many: --customers 20 --items 10 --invoices 50")
    wanted = {"customers": count or customers, "items": items, "invoices": invoices}
    click.echo(commands.fill(file, seed=seed, **wanted))


# -- looking -----------------------------------------------------------------------------------------------------


@company.command()
@click.argument("file", type=FILE)
@click.argument("name", required=False)
@click.option("--kind", help="Any kind of record: Vendor, ItemService, Invoice ... Default: Customer.")
@json_option
def show(file: Path, name: str | None, kind: str | None, as_json: bool) -> None:
    """Show all customers, or all records of a kind, or one of them field by field.

    NAME is a full name or ListID, of a transaction its number or TxnID.
    """
    if not as_json:
        click.echo(commands.records(file, kind, name) if kind else commands.show(file, name))
        return
    with closing(CompanyFile.open(file)) as opened:
        click.echo(to_json(opened.shown(kind or "Customer", name)))


@company.command()
@click.argument("file", type=FILE)
@click.argument("query", required=False)
@json_option
def sql(file: Path, query: str | None, as_json: bool) -> None:
    """Ask the file in SQL, which cannot change it; without a query, tell the views.

    \b
    ... sql acme.sqlite "SELECT full_name, money(balance_cents) FROM customers LIMIT 5"
    """
    if query is None:
        rows = [{"view": name, "sentence": sentence} for name, sentence in views.described()]
        listing(rows, {"view": "View", "sentence": "What it shows"}, as_json=as_json, empty="")
        return
    found = views.query(file, query)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    listing(rows, {name: name for name in found.columns}, as_json=as_json, empty="No rows.")


@company.command()
@click.argument("file", type=FILE)
@click.argument("name", required=False)
@click.argument("position", required=False)
@json_option
def rule(file: Path, name: str | None, position: str | None, as_json: bool) -> None:
    """What the references leave open: show every rule, one of them, or move one to a position."""
    with closing(CompanyFile.open(file)) as opened:
        if name and position:
            click.echo(f"{name} is {opened.rule(name, position)} now.")
            return
        names = [name] if name else list(RULES)
        rows = [
            {"rule": one, "position": opened.rule(one), "positions": dict(RULES[one].positions)}
            for one in names
        ]
    listing(rows, {"rule": "Rule", "position": "Is", "positions": "Can be"}, as_json=as_json, empty="")


@company.command(
    help="Switch a preference of the company on or off. Off, its requests are answered 3250.\n\n"
    f"PREFERENCE is one of: {', '.join(PREFERENCES)}."
)
@click.argument("file", type=FILE)
@click.argument("preference", type=click.Choice(tuple(PREFERENCES)), metavar="PREFERENCE")
@click.argument("position", type=click.Choice(("on", "off")), metavar="on|off")
def prefer(file: Path, preference: str, position: str) -> None:
    _act(file, lambda opened: opened.prefer(preference, is_on=position == "on"))
    click.echo(f"{preference} is {position} now: {PREFERENCES[preference].sentence}.")


# -- asking ------------------------------------------------------------------------------------------------------


@company.command()
@click.argument("file", type=FILE)
def answer(file: Path) -> None:
    """Answer one qbXML request from standard input.

    Where QuickBooks gives no answer, its code and text go to standard error and the command ends with 1.
    """
    request = sys.stdin.buffer.read().decode("utf-8", "replace")
    with closing(CompanyFile.open(file)) as opened:
        try:
            click.echo(opened.process(opened.begin_session("command line"), request), nl=False)
        except ProcessError as refusal:
            raise Failure(f"{refusal.hresult} {refusal.message}") from refusal


@company.command()
@click.argument("file", type=FILE)
@click.option("--port", type=PORT, default=8056, show_default=True, help="0 = a free one.")
@click.option("--idle", type=click.FloatRange(min=0), default=3600.0, show_default=True, metavar="SECONDS",
              help="Stop by itself when nobody asked for so long; 0 = never.")  # fmt: skip
@click.option("--for", "lasting", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop after so long.")
def serve(file: Path, port: int, idle: float, lasting: float | None) -> None:
    """Answer qbXML on 127.0.0.1: POST a document, GET what the company is. Ends with Ctrl-C, or by itself.

    \b
    curl -H "Content-Type: text/xml" --data-binary @request.xml localhost:8056
    """
    with closing(CompanyFile.open(file)) as opened, closing(Endpoint(opened, port)) as endpoint:
        click.echo(f"{opened.name} answers at {endpoint.url}")
        with until_interrupted():
            endpoint.run(idle=idle or None, lasting=lasting)
    click.echo("Stopped.")


# -- what people do ----------------------------------------------------------------------------------------------


@company.command("take-payment")
@click.argument("file", type=FILE)
@click.argument("customer")
@click.argument("amount", type=Amount())
@click.option(
    "--invoice", multiple=True, help="Number or TxnID; may be repeated. Without it the money is unused."
)
@click.option("--method", default="", help="Check, Cash ...")
def take_payment(file: Path, customer: str, amount: Decimal, invoice: tuple[str, ...], method: str) -> None:
    """Receive money from CUSTOMER."""
    paid = _act(
        file, lambda one: one.take_payment(customer=customer, amount=amount, invoice=invoice, method=method)
    )
    click.echo(f"Payment {paid} of {amount} taken from {customer}.")


@company.command()
@click.argument("file", type=FILE)
@click.argument("name")
@click.argument("new_name")
@LIST
def rename(file: Path, name: str, new_name: str, kind: str) -> None:
    """Give a record of a list another name."""
    _act(file, lambda opened: opened.rename(name, new_name, kind))
    click.echo(f"{name} is {new_name} now.")


@company.command()
@click.argument("file", type=FILE)
@click.argument("source")
@click.argument("target")
@LIST
def merge(file: Path, source: str, target: str, kind: str) -> None:
    """Make SOURCE part of TARGET: everything that named it names TARGET, and it is gone."""
    click.echo(commands.merge(file, source, target, kind))


@company.command()
@click.argument("file", type=FILE)
@click.argument("name")
@KIND
def delete(file: Path, name: str, kind: str) -> None:
    """Delete a record of a list, or a transaction by its number or TxnID."""
    _act(file, lambda opened: opened.user_delete(opened.id_of(kind, name), kind))
    click.echo(f"{name} is deleted.")


@company.command()
@click.argument("file", type=FILE)
@click.argument("number")
@FORM
def void(file: Path, number: str, kind: str) -> None:
    """Void a sales form by its number or TxnID: it stays, with nothing on it."""
    _act(file, lambda opened: opened.user_void(opened.id_of(kind, number), kind))
    click.echo(f"{kind} {number} is void.")


@company.command("edit-amount")
@click.argument("file", type=FILE)
@click.argument("number")
@click.argument("amount", type=Amount())
@click.option("--line", type=click.IntRange(min=1), default=1, show_default=True, help="Lines count from 1.")
@FORM
def edit_amount(file: Path, number: str, amount: Decimal, line: int, kind: str) -> None:
    """Type another amount into one line of a sales form."""
    _act(file, lambda opened: opened.edit_amount(number, amount, line - 1, kind))
    click.echo(f"Line {line} of {kind} {number} is {amount} now.")


@company.command("close-books")
@click.argument("file", type=FILE)
@click.argument("day", type=click.DateTime(("%Y-%m-%d",)), required=False, metavar="[DAY]")
def close_books(file: Path, day: Any) -> None:
    """Close the books up to DAY (2026-03-31), or open them again without it."""
    until: date | None = day.date() if day else None
    _act(file, lambda opened: opened.close_books(until))
    click.echo(f"The books are closed up to {until}." if until else "The books are open.")


def _act(file: Path, act: Callable[[CompanyFile], Any]) -> Any:
    with closing(CompanyFile.open(file)) as opened:
        return act(opened)
