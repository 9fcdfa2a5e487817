"""The first update: what both sides had before becomes pairs, or is rejected with a reason."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from qbwc_server.demo.checks import Checks
from qbwc_server.demo.sides import Account, Customer, Document, Invoice, Opportunity, Product
from qbwc_server.demo.stage import CUSTOMERS, ITEM, NO_LINES, TOO_LONG, WITH_COLON
from qbwc_server.demo.telling import Say, named, table, updated
from qbwc_server.demo.world import World, until

SETTLED = ("Success", "Error")


def first_update(world: World, checks: Checks, say: Say) -> None:
    """Accounts, products and opportunities; nothing is made twice."""
    say("\nFirst update: a person presses Update Selected in the Web Connector\n")
    if not updated(world, checks):
        return
    until(lambda: not _under_way(world))
    world.until_quiet()
    say("")
    _customers(world, checks, say)
    _items(world, checks, say)
    _documents(world, checks, say)


def _under_way(world: World) -> list[str]:
    """Whatever of Salesforce has no outcome yet, and whatever of QuickBooks is not in Salesforce."""
    accounts, products = world.accounts(), world.products()
    asked: list[Account | Product | Opportunity] = [*accounts, *products, *world.opportunities()]
    known = {one.list_id for one in accounts} | {one.list_id for one in products}
    there = [one.list_id for one in world.customers()] + [one.list_id for one in world.items()]
    there += [one.txn_id for one in world.documents("Invoice")]
    known |= {one.txn_id for one in world.invoices()}
    waiting = [one.name for one in asked if one.status not in SETTLED]
    untold = [one.name for one, document in _pairs(world) if not agree(one, document)]
    return waiting + untold + [books_id for books_id in there if books_id not in known]


def _customers(world: World, checks: Checks, say: Say) -> None:
    accounts, customers = world.accounts(), world.customers()
    linked = [one for one in accounts if one.status == "Success"]
    by_id = {one.list_id: one for one in customers}
    pairs = [(one, by_id.get(one.list_id)) for one in linked]
    heading = ("Account in Salesforce", "Link status", "Customer in QuickBooks", "Phone", "ListID")
    table(say, heading, [(one.name, one.status, *_shown(two)) for one, two in pairs])
    _claim_complete(world, checks, accounts, linked)
    wrong = [one.name for one, two in pairs if not _same(one, two)]
    checks.claim(
        "Each pair has the same name, phone and city on both sides", holds=not wrong, otherwise=named(wrong)
    )
    doubles = _doubles([one.name.casefold() for one in customers]) + _doubles([one.name for one in accounts])
    checks.claim("No customer and no account is there twice", holds=not doubles, otherwise=named(doubles))
    arrived = {one.name for one in linked} >= {one["Name"] for one in CUSTOMERS}
    checks.claim("The customers that only QuickBooks knew are accounts in Salesforce now", holds=arrived)


def _shown(customer: Customer | None) -> tuple[str, str, str]:
    return (customer.name, customer.phone, customer.list_id) if customer else ("missing", "", "")


def _claim_complete(
    world: World, checks: Checks, accounts: Sequence[Account], linked: Sequence[Account]
) -> None:
    """Counted by QuickBooks itself, so that an order of ours that was carried out twice would show."""
    left = [f"{one.name} ({one.status or 'no status'})" for one in accounts if one.status not in SETTLED]
    checks.claim(
        f"{len(linked)} accounts are linked, {len(accounts) - len(linked)} rejected, none left over",
        holds=not left and bool(linked),
        otherwise=named(left),
    )
    there = len(world.customers())
    added, before = world.tally().books.get("CustomerAdd", 0), len(CUSTOMERS) + 1
    checks.claim(
        f"QuickBooks made {added} customers and had {before} before: {there} in all, one for each account",
        holds=there == added + before == len(linked),
        otherwise=f"{there} customers, {len(linked)} linked accounts",
    )


def _same(account: Account, customer: Customer | None) -> bool:
    seen = (customer.name, customer.phone, customer.city) if customer else ()
    return seen == (account.name, account.phone, account.city)


def _doubles(names: Sequence[str]) -> list[str]:
    return [name for name, number in Counter(names).items() if number > 1]


def _items(world: World, checks: Checks, say: Say) -> None:
    products, items = world.products(), {one.list_id: one for one in world.items()}
    pairs = [(one, items.get(one.list_id)) for one in products]
    heading = ("Product in Salesforce", "Link status", "Item in QuickBooks", "Kind", "Price")
    say("")
    table(
        say,
        heading,
        [(one.name, one.status, two.name, two.kind, two.price) for one, two in pairs if two],
        shown=3,
    )
    wrong = [one.name for one, two in pairs if two is None or one.seen() != two.seen()]
    checks.claim(
        f"{len(products)} products are {len(items)} items of the same kind, with the same name and price",
        holds=not wrong and len(products) == len(items),
        otherwise=named(wrong),
    )
    checks.claim(
        "The item that only QuickBooks knew is a product in Salesforce now",
        holds=ITEM in {one.name for one in products},
    )


def _documents(world: World, checks: Checks, say: Say) -> None:
    pairs = _pairs(world)
    heading = ("Opportunity in Salesforce", "Amount", "In QuickBooks", "No.", "Customer", "Subtotal")
    say("")
    table(
        say,
        heading,
        [
            (one.name, one.amount, two.kind, two.number, two.customer, two.subtotal)
            for one, two in pairs
            if two
        ],
    )
    wrong = [one.name for one, two in pairs if not agree(one, two)]
    checks.claim(
        f"{len(pairs)} opportunities are invoices and sales orders, each with the same lines and sum to the cent",
        holds=bool(pairs) and not wrong,
        otherwise=named(wrong),
    )
    claim_mirrored(world, checks)


def _pairs(world: World) -> list[tuple[Opportunity, Document | None]]:
    documents = {(one.kind, one.txn_id): one for one in world.documents()}
    done = [one for one in world.opportunities() if one.status == "Success"]
    return [(one, documents.get((one.kind, one.txn_id))) for one in done]


def agree(opportunity: Opportunity, document: Document | None) -> bool:
    """Item, quantity, amount and id of each line, and the sums."""
    if document is None:
        return False
    sums = opportunity.amount == document.subtotal == sum(one.amount for one in document.lines)
    return sums and opportunity.lines == document.lines and opportunity.number == document.number


def claim_mirrored(world: World, checks: Checks) -> None:
    """The other way round: what QuickBooks has, whoever wrote it there."""
    wrong = not_mirrored(world)
    checks.claim(
        f"Each of the {len(world.documents('Invoice'))} invoices in QuickBooks is once in Salesforce, with its total, "
        "paid and balance",
        holds=not wrong,
        otherwise="other is " + named(wrong),
    )


def not_mirrored(world: World) -> list[str]:
    """Numbers of invoices that are on one side only, twice, or with other amounts."""
    books = Counter(map(_figures, world.documents("Invoice")))
    crm = Counter(map(_figures, world.invoices()))
    return sorted({number for _, number, *_ in (books - crm) + (crm - books)})


def _figures(one: Document | Invoice) -> tuple[str, str, Decimal, Decimal, Decimal]:
    return one.txn_id, one.number, one.total, one.paid, one.balance


def rejected(world: World, checks: Checks, say: Say) -> None:
    """What cannot go says why, in the CRM, to the person who can put it right."""
    say("\nRejected, as Salesforce's users see it in the field QB Sync Error\n")
    accounts = [one for one in world.accounts() if one.status == "Error"]
    opportunities = [one for one in world.opportunities() if one.status == "Error"]
    refused = {one.name: one.error for one in accounts} | {one.name: one.error for one in opportunities}
    for name, error in refused.items():
        say(f"    {name}\n        {error}")
    say("")
    checks.claim("Each rejected record shows its reason", holds=all(refused.values()))
    checks.claim(
        "They are the name that is too long, the name with a colon and the opportunity without products",
        holds={*refused} == {TOO_LONG, WITH_COLON, NO_LINES},
        otherwise=named(refused),
    )
    in_books = {one.name for one in world.customers()} & {one.name for one in accounts}
    checks.claim("None of them is in QuickBooks", holds=not in_books, otherwise=named(in_books))
