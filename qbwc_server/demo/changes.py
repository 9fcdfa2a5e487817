"""What people do to pairs that are there: a rename, an edit, payments; and an update in which nothing changed."""

from decimal import Decimal

from qbwc_server.demo.checks import Checks
from qbwc_server.demo.first import claim_mirrored, not_mirrored
from qbwc_server.demo.sale import BUYER
from qbwc_server.demo.server import command
from qbwc_server.demo.sides import Account, Invoice
from qbwc_server.demo.stage import CUSTOMERS, TOO_LONG
from qbwc_server.demo.telling import Say, amount, named, table, updated
from qbwc_server.demo.world import World, until

NEW_PHONE = "(207) 555-0199"
NEW_CITY = "Portland"
SHORTENED = "Amalgamated Consolidated Holdings"
ENDING = " & Co."
NAME_LIMIT = 41
PART = Decimal("600.00")


def changed(world: World, checks: Checks, say: Say) -> None:
    """A change on each side arrives on the other, a corrected account goes through, payments show."""
    linked = [one for one in world.accounts() if one.status == "Success" and one.city]
    renamed, edited = linked[0], linked[1]
    long_one = next(one for one in world.accounts() if one.name == TOO_LONG)
    new_name = renamed.name[: NAME_LIMIT - len(ENDING)] + ENDING
    say("\nThird update: people changed something on both sides, and customers paid\n")
    world.company.user_edit(renamed.list_id, {"Name": new_name})
    say(f"    In QuickBooks, the customer “{renamed.name}” is now “{new_name}”.")
    world.salesforce.edit(edited.id, {"Phone": NEW_PHONE, "BillingCity": NEW_CITY})
    say(f"    In Salesforce, “{edited.name}” has the phone {NEW_PHONE} and moved to {NEW_CITY}.")
    world.salesforce.edit(long_one.id, {"Name": SHORTENED})
    say(f"    In Salesforce, the name that was too long is now “{SHORTENED}”.")
    _take_payments(world, say)
    if not updated(world, checks):
        return
    until(lambda: world.account(renamed.id).name == new_name)
    until(lambda: world.account(long_one.id).status == "Success")
    until(lambda: not not_mirrored(world) and not _wrong_balances(world))
    world.until_quiet()
    seen = world.account(renamed.id).name
    checks.claim("The new name arrived in Salesforce", holds=seen == new_name, otherwise=seen)
    _claim_edit(world, checks, edited)
    _claim_corrected(world, checks, long_one.id)
    _claim_paid(world, checks, say)


def _claim_edit(world: World, checks: Checks, edited: Account) -> None:
    customer = world.customer(edited.list_id)
    seen = (customer.phone, customer.city) if customer else ()
    checks.claim(
        "The new phone and city arrived in QuickBooks",
        holds=seen == (NEW_PHONE, NEW_CITY),
        otherwise=named(seen) or "the customer is gone",
    )


def _claim_corrected(world: World, checks: Checks, account_id: str) -> None:
    account = world.account(account_id)
    added = world.customer(account.list_id)
    checks.claim(
        "The corrected account is a customer now, and its error in Salesforce is gone",
        holds=added is not None and added.name == SHORTENED and not account.error,
        otherwise=account.error or "no customer has its name",
    )


def _take_payments(world: World, say: Say) -> None:
    """One customer pays a part, one pays all."""
    open_ones = {one.customer: one for one in world.documents("Invoice") if one.balance}
    for name, part in ((BUYER, PART), (str(CUSTOMERS[0]["Name"]), None)):
        invoice = open_ones[name]
        paid = part or invoice.balance
        world.company.take_payment(customer=invoice.customer_id, amount=paid, invoice=invoice.txn_id)
        owed = f"the {amount(invoice.balance)} of invoice {invoice.number}"
        say(f"    In QuickBooks, {name} pays {amount(paid)} of {owed}.")
    say("")


def _claim_paid(world: World, checks: Checks, say: Say) -> None:
    """Paid, balance and status of each invoice that Salesforce shows, and what each customer owes."""
    names = {one.id: one.name for one in world.accounts()}
    invoices = sorted(world.invoices(), key=lambda one: int(one.number))
    heading = ("Invoice in Salesforce", "Account", "Total", "Paid", "Balance", "Status")
    say("")
    table(say, heading, [_row(one, names.get(one.account_id, "no account")) for one in invoices])
    claim_mirrored(world, checks)
    whose = {names.get(one.account_id): (one.paid, one.balance, one.status) for one in invoices}
    part, full = whose.get(BUYER), whose.get(CUSTOMERS[0]["Name"])
    open_ = next(one.total for one in world.documents("Invoice") if one.customer == BUYER) - PART
    checks.claim(
        f"The invoice of the sale is partially paid: {amount(PART)}, and {amount(open_)} are open",
        holds=part == (PART, open_, "Partially Paid"),
        otherwise=str(part),
    )
    checks.claim(
        "The invoice that was written in QuickBooks is paid",
        holds=full is not None and full[1:] == (Decimal(0), "Paid"),
        otherwise=str(full),
    )
    _claim_balances(world, checks)


def _row(one: Invoice, account: str) -> tuple[object, ...]:
    return one.number, account, one.total, one.paid, one.balance, one.status


def _claim_balances(world: World, checks: Checks) -> None:
    wrong = _wrong_balances(world)
    checks.claim(
        "Each account in Salesforce shows the balance of its customer in QuickBooks",
        holds=not wrong,
        otherwise=named(wrong),
    )


def _wrong_balances(world: World) -> list[str]:
    owed = {one.list_id: one.balance for one in world.customers()}
    return [one.name for one in world.accounts() if one.list_id and one.balance != owed.get(one.list_id)]


def unchanged(world: World, checks: Checks, say: Say) -> None:
    """Nothing changed, so both sides are read and neither is written."""
    say("\nFourth update: nothing changed in between\n")
    before = world.tally()
    if not updated(world, checks):
        return
    until(lambda: world.tally().crm_reads() > before.crm_reads())
    world.until_quiet()
    after = world.tally()
    checks.claim(
        f"QuickBooks was read ({after.books_reads() - before.books_reads()} queries) and Salesforce as well "
        f"({after.crm_reads() - before.crm_reads()} queries)",
        holds=after.books_reads() > before.books_reads() and after.crm_reads() > before.crm_reads(),
    )
    books, crm = after.books_writes() - before.books_writes(), after.crm_written() - before.crm_written()
    checks.claim(
        "By both sides' own count, nothing was written to either",
        holds=books == crm == 0,
        otherwise=f"{books} writes to QuickBooks, {crm} to Salesforce",
    )


PLACES = (
    ("qbwc-server log runs", "what ran and when; S4 is a Sync ID, and log show S4 tells all of it"),
    ("qbwc-server job list --needs-person", "what waits for a person, with the next step"),
    ("qbwc-server link list", "every pair, and every record that could not become one"),
    ("qbwc-server doctor", "whether everything is well"),
)


def where_to_look(world: World, _checks: Checks, say: Say) -> None:
    """Nothing is claimed of this: it is the server's own account of one record."""
    say("\nWhere to look: the log knows every record, by the id of either side\n")
    invoice = next(one for one in world.documents("Invoice") if one.customer == BUYER)
    say(f"    qbwc-server log show {invoice.txn_id}\n")
    shown = command(world.home, "log", "show", invoice.txn_id, "--limit", "1")
    # What follows are the calls of the Web Connector with the whole qbXML.
    for line in shown.partition("\nCall ")[0].strip().splitlines():
        say(f"      {line}".rstrip())
    say("      ... and below, each call with what was sent to QuickBooks and what it answered\n")
    for line, what in (
        *PLACES,
        (f"{world.server.url}/", "the same as a page; make demo SERVE=1 keeps it running"),
    ):
        say(f"    {line:<36}  {what}")
