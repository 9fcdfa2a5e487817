"""The scenes: three updates and the list of what was rejected, each claim checked on the side it is about."""

from collections import Counter
from collections.abc import Callable, Sequence

from qbwc_server.demo.checks import Checks
from qbwc_server.demo.world import CUSTOMERS, TOO_LONG, WITH_COLON, Account, Customer, World, until

Say = Callable[[str], None]

SHOWN = 5
OPEN = ("To be Linked", "Queued", "")
NEW_PHONE = "(207) 555-0199"
NEW_CITY = "Portland"
SHORTENED = "Amalgamated Consolidated Holdings"
ENDING = " & Co."
NAME_LIMIT = 41


def first_update(world: World, checks: Checks, say: Say) -> None:
    """Every promoted account becomes a customer or is rejected with a reason; nothing is made twice."""
    say("\nFirst update: a person presses Update Selected in the Web Connector\n")
    if not _updated(world, checks):
        return
    until(lambda: not _under_way(world))
    world.until_quiet()
    accounts, customers = world.accounts(), world.customers()
    linked = [one for one in accounts if one.status == "Success"]
    _table(say, _pairs(linked, customers), len(linked))
    _claim_complete(world, checks, linked)
    by_id = {one.list_id: one for one in customers}
    wrong = [one for one in linked if not _same(one, by_id.get(one.list_id))]
    checks.claim(
        "Each pair has the same name, phone and city on both sides",
        holds=not wrong,
        otherwise=_named(wrong),
    )
    doubles = [
        name for name, number in Counter(one.name.casefold() for one in customers).items() if number > 1
    ]
    doubles += [name for name, number in Counter(one.name for one in accounts).items() if number > 1]
    checks.claim("No customer and no account is there twice", holds=not doubles, otherwise=", ".join(doubles))
    arrived = {one.name for one in linked} >= {str(one["Name"]) for one in CUSTOMERS}
    checks.claim("The customers that only QuickBooks knew are accounts in Salesforce now", holds=arrived)


def _under_way(world: World) -> list[Account]:
    accounts = world.accounts()
    waiting = [one for one in accounts if one.status in OPEN]
    known = {one.list_id for one in accounts}
    return waiting or ([] if {one.list_id for one in world.customers()} <= known else accounts[:1])


def _claim_complete(world: World, checks: Checks, linked: Sequence[Account]) -> None:
    """Counted by QuickBooks itself, so that an order of ours that was carried out twice would show."""
    accounts, customers = world.accounts(), world.customers()
    left = [one for one in accounts if one.status not in ("Success", "Error")]
    checks.claim(
        f"{len(linked)} accounts are linked, {len(accounts) - len(linked)} rejected, none left over",
        holds=not left and bool(linked),
        otherwise=_named(left),
    )
    added, before = world.tally().books.get("CustomerAdd", 0), len(CUSTOMERS) + 1
    checks.claim(
        f"QuickBooks made {added} customers and had {before} before: {len(customers)} in all, one for each account",
        holds=len(customers) == added + before == len(linked),
        otherwise=f"{len(customers)} customers, {len(linked)} linked accounts",
    )


def _same(account: Account, customer: Customer | None) -> bool:
    seen = (customer.name, customer.phone, customer.city) if customer else ()
    return seen == (account.name, account.phone, account.city)


def rejected(world: World, checks: Checks, say: Say) -> None:
    """What cannot go says why, in the CRM, to the person who can put it right."""
    say("\nRejected, as Salesforce's users see it in the field QB Sync Error\n")
    refused = [one for one in world.accounts() if one.status == "Error"]
    for one in refused:
        say(f"    {one.name}\n        {one.error}")
    say("")
    names = {one.name for one in refused}
    checks.claim(
        "Each rejected account shows its reason", holds=bool(refused) and all(one.error for one in refused)
    )
    checks.claim(
        "A name that is too long and a name with a colon are among them",
        holds={TOO_LONG, WITH_COLON} <= names,
    )
    in_books = names & {one.name for one in world.customers()}
    checks.claim("None of them is in QuickBooks", holds=not in_books, otherwise=", ".join(in_books))


def second_update(world: World, checks: Checks, say: Say) -> None:
    """A change on each side arrives on the other, and a corrected account goes through."""
    linked = [one for one in world.accounts() if one.status == "Success" and one.city]
    renamed, edited = linked[0], linked[1]
    long_one = next(one for one in world.accounts() if one.name == TOO_LONG)
    new_name = renamed.name[: NAME_LIMIT - len(ENDING)] + ENDING
    say("\nSecond update: people changed something on both sides\n")
    world.company.user_edit(renamed.list_id, {"Name": new_name})
    say(f"    In QuickBooks, the customer “{renamed.name}” is now “{new_name}”.")
    world.salesforce.edit(edited.id, {"Phone": NEW_PHONE, "BillingCity": NEW_CITY})
    say(f"    In Salesforce, “{edited.name}” has the phone {NEW_PHONE} and moved to {NEW_CITY}.")
    world.salesforce.edit(long_one.id, {"Name": SHORTENED})
    say(f"    In Salesforce, the name that was too long is now “{SHORTENED}”.\n")
    if not _updated(world, checks):
        return
    until(
        lambda: world.account(renamed.id).name == new_name and world.account(long_one.id).status == "Success"
    )
    world.until_quiet()
    seen = world.account(renamed.id).name
    checks.claim("The new name arrived in Salesforce", holds=seen == new_name, otherwise=seen)
    _claim_edit(world, checks, edited)
    added = world.customer(world.account(long_one.id).list_id)
    checks.claim(
        "The corrected account is a customer now", holds=added is not None and added.name == SHORTENED
    )
    error = world.account(long_one.id).error
    checks.claim("Its error in Salesforce is gone", holds=not error, otherwise=error)


def _claim_edit(world: World, checks: Checks, edited: Account) -> None:
    customer = world.customer(edited.list_id)
    seen = (customer.phone, customer.city) if customer else ()
    checks.claim(
        "The new phone and city arrived in QuickBooks",
        holds=seen == (NEW_PHONE, NEW_CITY),
        otherwise=", ".join(seen) or "the customer is gone",
    )


def third_update(world: World, checks: Checks, say: Say) -> None:
    """Nothing changed, so both sides are read and neither is written."""
    say("\nThird update: nothing changed in between\n")
    before = world.tally()
    if not _updated(world, checks):
        return
    world.until_quiet()
    after = world.tally()
    checks.claim(
        f"QuickBooks was read ({after.books_reads() - before.books_reads()} query) and Salesforce as well "
        f"({after.crm_reads() - before.crm_reads()} queries)",
        holds=after.books_reads() > before.books_reads() and after.crm_reads() > before.crm_reads(),
    )
    books, crm = after.books_writes() - before.books_writes(), after.crm_written() - before.crm_written()
    checks.claim(
        "By both sides' own count, nothing was written to either",
        holds=books == crm == 0,
        otherwise=f"{books} writes to QuickBooks, {crm} to Salesforce",
    )


def _updated(world: World, checks: Checks) -> bool:
    result = world.update()
    return checks.claim(
        f"The Web Connector's status: {result.status}" if result.ok else "The Web Connector could update",
        holds=result.ok,
        otherwise=result.status,
    )


def _pairs(linked: Sequence[Account], customers: Sequence[Customer]) -> list[tuple[str, ...]]:
    """Account and customer side by side, each value from its own side."""
    by_id = {one.list_id: one for one in customers}
    pairs = [(one, by_id.get(one.list_id)) for one in linked]
    return [
        (
            one.name,
            one.status,
            two.name if two else "missing",
            two.phone if two else "",
            two.list_id if two else "",
        )
        for one, two in pairs
    ]


def _table(say: Say, rows: Sequence[tuple[str, ...]], number: int) -> None:
    heading = ("Account in Salesforce", "Link status", "Customer in QuickBooks", "Phone", "ListID")
    shown = [heading, *rows[:SHOWN]]
    widths = [max(len(row[column]) for row in shown) for column in range(len(heading))]
    for row in shown:
        say("    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    say(f"    ... and {number - SHOWN} more\n" if number > SHOWN else "")


def _named(accounts: Sequence[Account]) -> str:
    return ", ".join(f"{one.name} ({one.status or 'no status'})" for one in accounts[:5])
