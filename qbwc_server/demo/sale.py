"""A sale: an opportunity becomes an invoice, and what the invoice needs is made first."""

from collections.abc import Mapping
from decimal import Decimal

from qbwc_server.demo.checks import Checks
from qbwc_server.demo.first import agree
from qbwc_server.demo.sides import Document, Opportunity
from qbwc_server.demo.stage import standard_book
from qbwc_server.demo.telling import Say, amount, named, table, updated
from qbwc_server.demo.world import World, until

BUYER = "Casco Bay Ferry Lines"
SALE = "Spring refit of three ferries"
# Name, type, price, quantity, discount in percent.
SOLD = (
    ("Hull Survey", "Service", "145.00", "2.5", None),
    ("Antifouling Paint", "Non-inventory Part", "89.95", "7", "10"),
    ("Bilge Pump", "Inventory Part", "219.49", "3", None),
)


def sale(world: World, checks: Checks, say: Say) -> None:
    """Nobody promoted the account or the products: the invoice asks for them."""
    say("\nSecond update: a sale\n")
    customers, items = _names(world)
    opportunity_id = enter_sale(world)
    before = world.tally().books
    opportunity = world.opportunity(opportunity_id)
    say(f"    In Salesforce, “{SALE}” for {BUYER} is won: {amount(opportunity.amount)}.")
    say("    Its QB Generate is set to Invoice. Nobody set the account or the products to be linked.\n")
    if not updated(world, checks):
        return
    until(lambda: _arrived(world, opportunity_id))
    world.until_quiet()
    now_customers, now_items = _names(world)
    checks.claim(
        f"QuickBooks has the customer {BUYER} and the {len(SOLD)} items now, made first by themselves",
        holds=now_customers - customers == {BUYER} and now_items - items == {one[0] for one in SOLD},
        otherwise=named((now_customers - customers) | (now_items - items)) or "nothing new",
    )
    after = world.tally().books
    made = after.get("InvoiceAdd", 0) - before.get("InvoiceAdd", 0)
    checks.claim("QuickBooks wrote one invoice, by its own count", holds=made == 1, otherwise=str(made))
    _claim_invoice(world, checks, say, world.opportunity(opportunity_id))


def _names(world: World) -> tuple[set[str], set[str]]:
    return {one.name for one in world.customers()}, {one.name for one in world.items()}


def enter_sale(world: World) -> str:
    """What sales people do in Salesforce; the opportunity's id."""
    create = world.salesforce.create
    account = create("Account", {"Name": BUYER, "Phone": "(207) 555-0144", "BillingCity": "Portland"})
    won = {"StageName": "Closed Won", "CloseDate": "2026-03-09", "QB_Generate__c": "Invoice"}
    opportunity = create("Opportunity", {"Name": SALE, "AccountId": account, **won})
    book = standard_book(world.salesforce)
    for number, (name, kind, price, quantity, discount) in enumerate(SOLD, 1):
        product = create("Product2", {"Name": name, "IsActive": True, "QB_Item_Type__c": kind})
        priced = {"UnitPrice": Decimal(price), "IsActive": True}
        entry = create("PricebookEntry", {"Pricebook2Id": book, "Product2Id": product, **priced})
        line = {"OpportunityId": opportunity, "PricebookEntryId": entry, "SortOrder": number}
        create("OpportunityLineItem", {**line, **_amounts(price, quantity, discount)})
    return opportunity


def _amounts(price: str, quantity: str, discount: str | None) -> Mapping[str, Decimal]:
    given = {"Quantity": quantity, "UnitPrice": price, "Discount": discount}
    return {name: Decimal(value) for name, value in given.items() if value}


def _arrived(world: World, opportunity_id: str) -> bool:
    """The opportunity tells all of its invoice, and Salesforce shows the invoice."""
    one = world.opportunity(opportunity_id)
    told = all((one.status == "Success", one.number, *(line.line_id for line in one.lines)))
    return told and any(invoice.opportunity_id == opportunity_id for invoice in world.invoices())


def _claim_invoice(world: World, checks: Checks, say: Say, opportunity: Opportunity) -> None:
    found = (one for one in world.documents("Invoice") if one.txn_id == opportunity.txn_id)
    invoice = next(found, None)
    if invoice is None:
        checks.claim("The opportunity is an invoice now", holds=False, otherwise=opportunity.error)
        return
    say(f"\n    Invoice {invoice.number} in QuickBooks, for {invoice.customer}\n")
    rows = [(one.item, f"{one.quantity:f}", one.amount, one.line_id) for one in invoice.lines]
    table(say, ("Item", "Quantity", "Amount", "TxnLineID"), [*rows, ("", "", invoice.total, "")])
    checks.claim(
        f"It is for {BUYER} and has the opportunity's lines and sum to the cent: {amount(invoice.total)}",
        holds=invoice.customer == BUYER and agree(opportunity, invoice),
        otherwise=f"{amount(opportunity.amount)} in Salesforce",
    )
    _claim_told(world, checks, opportunity, invoice)


def _claim_told(world: World, checks: Checks, opportunity: Opportunity, invoice: Document) -> None:
    """What sales people see of it in Salesforce."""
    told = (opportunity.status, opportunity.number, *(one.line_id for one in opportunity.lines))
    checks.claim(
        f"The opportunity tells its number {invoice.number}, its TxnID {invoice.txn_id} and the id of each line",
        holds=told == ("Success", invoice.number, *(one.line_id for one in invoice.lines)),
        otherwise=named(told),
    )
    seen = [
        (one.number, one.total, one.paid, one.balance, one.status)
        for one in world.invoices()
        if one.opportunity_id == opportunity.id
    ]
    checks.claim(
        f"At the opportunity is one invoice: {amount(invoice.total)}, paid 0.00, status Open",
        holds=seen == [(invoice.number, invoice.total, Decimal(0), invoice.total, "Open")],
        otherwise=str(seen),
    )
