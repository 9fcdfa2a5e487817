"""What must be true in the end. Each rule looks at both sides themselves; the product's store may only explain.

A difference is explained by what a person can see: a conflict, an error, a question or a proposal.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from qbwc_server.store import jobs, links, parties, records
from qbwc_server.store.rows import Link, LinkJob
from tests.fire.acts import CONTACT, Row, Scene, books_rows, crm_rows, invoices, is_called
from tests.fire.ledger import Entity, Ledger, Sale
from tests.fire.meaning import FIELDS, MIRROR, Read, in_latin1, money

ENDED = ("settled", "cancelled")
# States of a job in which a person is told what to do.
ASKING = ("proposed", "blocked", "refused", "needs_person", "in_doubt")
# What a job in doubt tells that needs no person; whoever says so must come to an end.
GOES_ON = "by itself"
# Characters of a job title in QuickBooks (qbXML field tables).
JOB_TITLE = 41
ON_ITS_WAY = ("To be Linked", "Queued")


@dataclass(frozen=True)
class Violation:
    rule: str
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.text}"


class View:
    """Everything that is to be seen in the end."""

    def __init__(self, scene: Scene, ledger: Ledger) -> None:
        self.scene, self.ledger = scene, ledger
        connection = [scene.connection_id]
        with scene.database.read() as tx:
            held = parties.connection(tx, scene.connection_id)
            self.stopped = held.stopped_reason if held else ""
            self.links = links.all_links(tx, connection)
            self.jobs = jobs.all_jobs(tx, connection, limit=100_000)
            self.conflicts = links.all_conflicts(tx, connection)
            self.suggestions = links.all_suggestions(tx, connection)
            self.undecided = records.waiting_for_decision(tx, connection)
            self.waits = {
                job.id: jobs.waits_of(tx, job.connection_id, job.id)
                for job in self.jobs
                if job.state == "waiting"
            }

    @cached_property
    def open_jobs(self) -> list[LinkJob]:
        return [job for job in self.jobs if job.state not in ENDED]

    def crm(self, entity: Entity) -> list[Row]:
        return crm_rows(self.scene, entity)

    def books(self, entity: Entity) -> list[Row]:
        return books_rows(self.scene, entity)

    def links_of(self, *ids: str) -> list[Link]:
        """Living links that hold one of these ids."""
        return [one for one in self.links if not one.unlinked_at and {one.crm_id, one.books_id} & set(ids)]

    def is_explained(self, link: Link, field: str = "") -> bool:
        """Whether a person sees that something is the matter with this pair, or with this field of it."""
        if any(one["link_id"] == link.id and one["field"].startswith(f"{field} >") for one in self.conflicts):
            return True
        asking = [job for job in self.open_jobs if job.link_id == link.id and job.state in ASKING]
        return any(job.error or job.next_step for job in asking) or bool(link.error)

    def is_told(self, row: Row) -> bool:
        """Whether the record itself tells that something is the matter."""
        values = row[1]
        return values.get("QB_Link_Status__c") == "Error" and bool(values.get("QB_Sync_Error__c"))


Rule = Callable[[View], Iterator[str]]


# --- the same on both sides, and nothing lost ---


def pairs_agree(view: View) -> Iterator[str]:
    for entity in view.ledger.entities.values():
        crm, books = view.crm(entity), view.books(entity)
        if len(crm) == len(books) == 1:
            yield from _pair(view, entity, crm[0], books[0])


def _pair(view: View, entity: Entity, crm: Row, books: Row) -> Iterator[str]:
    linked = [one for one in view.links_of(crm[0]) if one.books_id == books[0]]
    if not linked:
        if not _apart_for_a_reason(view, entity, crm, books):
            yield f"{entity.token} is on both sides, not linked, and nobody is told: {crm[1].get('Name')!r}"
        return
    for field, (of_crm, of_books) in FIELDS[entity.family].items():
        here, there = _without_names(view, entity, field, of_crm(crm[1]), of_books(books[1]))
        if here != there and not _may_differ(view, entity, linked[0], field, (here, there), books[1]):
            yield f"{entity.token} {field}: {here!r} in the CRM, {there!r} in QuickBooks, and nobody is told"


def _without_names(view: View, entity: Entity, field: str, *values: str) -> list[str]:
    """A name above a street is no street: QuickBooks prints addresses so. Any name that it ever had."""
    if not field.endswith("Street"):
        return list(values)
    names = {one.value for one in view.ledger.edits(entity.token, "Name")}
    return ["\n".join(line for line in value.split("\n") if line not in names) for value in values]


def _apart_for_a_reason(view: View, entity: Entity, crm: Row, books: Row) -> bool:
    if entity.unlinked or entity.deleted:
        return True
    both = {crm[0], books[0]}
    asked = any({one["crm_id"], one["books_id"]} & both for one in view.suggestions)
    return asked or view.is_told(crm) or any(view.is_explained(one) for one in view.links_of(*both))


def _may_differ(
    view: View, entity: Entity, link: Link, field: str, values: tuple[str, str], books: dict[str, Any]
) -> bool:
    if view.is_explained(link, field):
        return True
    # QuickBooks keeps the beginning of what is too long for it.
    if field == f"{CONTACT}Title" and values[1] == values[0][:JOB_TITLE].strip():
        return True
    if values[1] == in_latin1(values[0]):
        return True
    # A contact needs a last name: until QuickBooks has one, the CRM keeps none.
    if field.startswith(CONTACT) and not books.get("LastName") and values[0] == "":
        return True
    # An empty value never overwrites: where it was emptied, it stays empty alone.
    return any(
        value == "" and view.ledger.cleared(entity.token, field, side)
        for value, side in zip(values, ("crm", "books"), strict=True)
    )


def no_edit_is_lost(view: View) -> Iterator[str]:
    for entity in view.ledger.entities.values():
        crm, books = view.crm(entity), view.books(entity)
        if entity.deleted or entity.unlinked or not len(crm) == len(books) == 1:
            continue
        linked = [one for one in view.links_of(crm[0][0]) if one.books_id == books[0][0]]
        for field, reads in FIELDS[entity.family].items():
            if linked:
                yield from _lost(view, entity, linked[0], field, reads, crm[0], books[0])


def _lost(
    view: View, entity: Entity, link: Link, field: str, reads: tuple[Read, Read], crm: Row, books: Row
) -> Iterator[str]:
    here, there = _without_names(view, entity, field, reads[0](crm[1]), reads[1](books[1]))
    last = view.ledger.last(entity.token, field)
    if here != there or last is None or view.is_explained(link, field):
        return
    said = reads[0](_as_values(field, last.value))
    chosen = view.ledger.may_be_chosen(entity.token, field, here, last)
    if here != said and not chosen and not _came_back(view, entity, field, here):
        history = [(one.side, one.value) for one in view.ledger.edits(entity.token, field)]
        yield f"{entity.token} {field}: both hold {here!r}, but the last word was {said!r}; said: {history}"


def _came_back(view: View, entity: Entity, field: str, held: str) -> bool:
    """What a restored company file does not know, but the CRM did: it was the last word all the same."""
    last = view.ledger.last(entity.token, field, with_undone=True)
    return last is not None and last.order in view.ledger.undone and last.value == held


def _as_values(field: str, value: str) -> dict[str, Any]:
    """A value where the CRM keeps it, to be read in the same form."""
    head, _, rest = field.partition(".")
    return {head: {rest: value} if rest else value}


# --- nothing twice ---


def nothing_is_twice(view: View) -> Iterator[str]:
    for entity in view.ledger.entities.values():
        # Made by hand on both sides: the CRM's people and we may make the same account in the same moment.
        in_crm = 2 if entity.made == {"crm", "books"} else 1
        for side, found, most in (
            ("the CRM", view.crm(entity), in_crm),
            ("QuickBooks", view.books(entity), 1),
        ):
            if len(found) > most:
                yield f"{entity.token} is {len(found)} times in {side}: {[row.get('Name') for _, row in found]}"
    for sale in view.ledger.sales.values():
        found = [one for form in ("Invoice", "SalesOrder") for one in invoices(view.scene, sale.token, form)]
        if len(found) > 1 and not sale.made_again:
            yield f"{sale.token} is {len(found)} documents in QuickBooks: {[one['RefNumber'] for one in found]}"


def no_mark_is_twice(view: View) -> Iterator[str]:
    company = view.scene.company
    made = [*company.customers(), *company.txns("Invoice"), *company.txns("SalesOrder")]
    made += [one for kind in ("ItemService", "ItemNonInventory") for one in company.elements(kind)]
    yield from (f"ExternalGUID {mark} is in {n} objects" for mark, n in _twice(made, "ExternalGUID"))
    for kind, names in (
        ("account", ("QB_ListID__c", "QB_SyncKey__c")),
        ("contact", ("QB_SyncKey__c",)),
        ("product", ("QB_ListID__c", "QB_SyncKey__c")),
        ("opportunity", ("QB_TxnID__c", "QB_SyncKey__c")),
        ("invoice", ("QB_TxnID__c", "QB_SyncKey__c")),
    ):
        rows = [row for _, row in view.scene.desk.rows(kind)]
        yield from (
            f"{name} {key} is in {n} records {kind}" for name in names for key, n in _twice(rows, name)
        )


def _twice(rows: list[dict[str, Any]], name: str) -> Iterator[tuple[str, int]]:
    counted = Counter(str(row[name]) for row in rows if row.get(name))
    return ((key, number) for key, number in counted.items() if number > 1)


def no_record_has_two_partners(view: View) -> Iterator[str]:
    living = [one for one in view.links if not one.unlinked_at]
    for side, key in (("crm", "crm_id"), ("books", "books_id")):
        held = Counter((one.role, getattr(one, key)) for one in living if getattr(one, key))
        yield from (f"{side} record {what} is in {n} links" for what, n in held.items() if n > 1)


def no_contact_is_twice(view: View) -> Iterator[str]:
    people = Counter(
        (row.get("AccountId"), row.get("LastName")) for _, row in view.scene.desk.rows("contact")
    )
    yield from (f"contact {name} is {n} times at {account}" for (account, name), n in people.items() if n > 1)


# --- what was wanted is there, or somebody is told ---


def nobody_is_forgotten(view: View) -> Iterator[str]:
    for entity in view.ledger.entities.values():
        crm, books = view.crm(entity), view.books(entity)
        wanted = entity.promoted or entity.needed_by
        if crm and not books and wanted and not _missing_is_told(view, entity, crm[0]):
            yield f"{entity.token} was promoted, is not in QuickBooks, and nobody is told: {_status(crm[0])}"
        if books and not crm and "crm" not in entity.deleted and not _missing_is_told(view, entity, books[0]):
            yield f"{entity.token} is in QuickBooks, not in the CRM, and nobody is told"


def _missing_is_told(view: View, entity: Entity, row: Row) -> bool:
    if entity.deleted or entity.unlinked:
        return True
    # Whose partner it is was asked: what was merged into it had one, and is told as well.
    asked = any(row[0] in (one["crm_id"], one["books_id"]) for one in view.suggestions)
    return asked or view.is_told(row) or any(view.is_explained(one) for one in view.links_of(row[0]))


def _status(row: Row) -> str:
    return f"{row[1].get('QB_Link_Status__c')}: {row[1].get('QB_Sync_Error__c')}"


def no_status_waits_for_ever(view: View) -> Iterator[str]:
    for kind in ("account", "contact", "product", "opportunity"):
        for key, values in view.scene.desk.rows(kind):
            status = values.get("QB_Link_Status__c")
            if status in ON_ITS_WAY:
                yield f"{kind} {values.get('Name')!r} ({key}) shows {status!r} for ever"
            if status == "Error" and not values.get("QB_Sync_Error__c"):
                yield f"{kind} {values.get('Name')!r} ({key}) shows an error without a word"


# --- money ---


def documents_are_right(view: View) -> Iterator[str]:
    for sale in view.ledger.sales.values():
        found = invoices(view.scene, sale.token, sale.form)
        if not found and not sale.gone:
            yield from _missing_document(view, sale)
        if len(found) == 1:
            yield from _document(sale, found[0])


def _missing_document(view: View, sale: Sale) -> Iterator[str]:
    if sale.side == "books":
        yield f"{sale.token} was made by hand in QuickBooks and is not there"
        return
    if sale.unlinked:
        return
    for row in view.scene.desk.rows("opportunity"):
        if is_called(sale.token, row[1]) and not view.is_told(row):
            yield f"{sale.token} is no {sale.form} in QuickBooks, and nobody is told: {_status(row)}"


def _document(sale: Sale, one: dict[str, Any]) -> Iterator[str]:
    if money(one["Subtotal"]) not in sale.amounts:
        yield f"{sale.token} comes to {one['Subtotal']} in QuickBooks, wanted: {sale.amounts}"
    lines = one.get(f"{sale.form}LineRet") or []
    if len(lines) != len(sale.lines):
        yield f"{sale.token} has {len(lines)} lines in QuickBooks, wanted: {len(sale.lines)}"
        return
    if sale.void or sale.edited_in_books:
        return
    if sale.tax is not None and money(one["SalesTaxTotal"]) != sale.tax:
        yield f"{sale.token} has a tax of {one['SalesTaxTotal']} in QuickBooks, wanted: {sale.tax}"
    for line, (_, quantity, amount) in zip(lines, sale.lines, strict=True):
        counted = Decimal(line["Quantity"]) if quantity is not None else None
        if (counted, money(line["Amount"])) != (quantity, amount):
            yield f"{sale.token}: a line {line['Quantity']} for {line['Amount']}, wanted {quantity} for {amount}"


def the_books_hold_what_people_did(view: View) -> Iterator[str]:
    received = sum(
        (money(one["TotalAmount"]) for one in view.scene.company.txns("ReceivePayment")), Decimal(0)
    )
    told = sum((amount for _, amount in view.ledger.payments), Decimal(0))
    if received != told:
        yield f"QuickBooks received {received}, people took {told}"
    tokens = set(view.ledger.sales)
    for one in view.scene.company.txns("Invoice"):
        if not any(str(one.get("Memo") or "").endswith(token) for token in tokens):
            yield f"invoice {one['RefNumber']} ({one.get('Memo')!r}) was wanted by nobody"


def mirrors_show_the_invoices(view: View) -> Iterator[str]:
    mirrors = {row.get("QB_TxnID__c"): (key, row) for key, row in view.scene.desk.rows("invoice")}
    shown = wanted = Decimal(0)
    for one in view.scene.company.txns("Invoice"):
        mirror = mirrors.get(one["TxnID"])
        explained = any(view.is_explained(link) for link in view.links_of(one["TxnID"]))
        if mirror is None:
            if not explained and not _customer_is_apart(view, one):
                yield f"invoice {one['RefNumber']} ({one.get('Memo')}) has no record in the CRM, and nobody is told"
            continue
        if explained:
            continue
        shown += money(mirror[1].get("QB_Balance__c"))
        wanted += money(one["BalanceRemaining"])
        for field, (of_crm, of_books) in MIRROR.items():
            if of_crm(mirror[1]) != of_books(one):
                yield f"invoice {one['RefNumber']} {field}: {of_crm(mirror[1])} in the CRM, not {of_books(one)}"
    if shown != wanted:
        yield f"what is owed comes to {shown} in the CRM, {wanted} in QuickBooks"


def _customer_is_apart(view: View, invoice: dict[str, Any]) -> bool:
    """Its customer has no account, and that is told where it belongs."""
    customer = invoice["CustomerRef"]["ListID"]
    return not any(link.crm_id for link in view.links_of(customer))


def balances_agree(view: View) -> Iterator[str]:
    customers = {one["ListID"]: one for one in view.scene.company.customers()}
    accounts = dict(view.scene.desk.rows("account"))
    for link in view.links:
        if link.unlinked_at or link.books_id not in customers or link.crm_id not in accounts:
            continue
        here = money(accounts[link.crm_id].get("QB_Balance__c"))
        there = money(customers[link.books_id].get("Balance"))
        if here != there and not view.is_explained(link):
            yield f"{link.label} owes {here} in the CRM, {there} in QuickBooks"


# --- nothing waits for ever ---


def no_job_is_stuck(view: View) -> Iterator[str]:
    telling = {job.link_id for job in view.open_jobs if job.state in ASKING}
    for job in view.open_jobs:
        about = f"{job.side} {job.action} {job.kind} ({job.id})"
        if job.state in ("queued", "offered"):
            yield f"{about} is {job.state} for ever: {job.error}"
        elif job.state == "waiting" and not set(view.waits[job.id]) & telling:
            yield f"{about} waits for what nobody does: {view.waits[job.id]}"
        elif job.state in ASKING and not (job.error or job.next_step):
            yield f"{about} is {job.state} without a word"
        elif job.state == "in_doubt" and GOES_ON in job.next_step:
            yield f"{about} says that it goes on by itself, and does not: {job.error}"
    if view.undecided:
        yield f"{view.undecided} records are undecided for ever"


def conflicts_show_what_is(view: View) -> Iterator[str]:
    """A person must choose between the values that both sides hold now."""
    for entity in view.ledger.entities.values():
        crm, books = view.crm(entity), view.books(entity)
        if not len(crm) == len(books) == 1:
            continue
        for row in view.conflicts:
            field = row["field"].split(" > ")[0]
            if (
                row["link_id"] not in {one.id for one in view.links_of(crm[0][0])}
                or field not in FIELDS[entity.family]
            ):
                continue
            of_crm, of_books = FIELDS[entity.family][field]
            now = of_crm(crm[0][1]), of_books(books[0][1])
            if now[0] == now[1]:
                yield f"{entity.token} {field} is a conflict about one value: {now[0]!r}"


def jobs_are_below_their_customers(view: View) -> Iterator[str]:
    """Where both were brought over and nobody took them apart, the job stands below the same customer on both sides."""
    for entity in view.ledger.entities.values():
        parent = view.ledger.entities.get(entity.below)
        if parent is None or any(
            one.deleted or one.unlinked or one.linked_by_hand for one in (entity, parent)
        ):
            continue
        own, above = _pair_of(view, entity), _pair_of(view, parent)
        if own is None or above is None:
            continue
        here, there = own[0][1].get("ParentId"), (own[1][1].get("ParentRef") or {}).get("ListID")
        if (here, there) != (above[0][0], above[1][0]):
            yield f"{entity.token} is a job of {parent.token}, but stands below {here} and {there}"


def _pair_of(view: View, entity: Entity) -> tuple[Row, Row] | None:
    """Both of its records, where they are linked."""
    crm, books = view.crm(entity), view.books(entity)
    if len(crm) != 1 or len(books) != 1:
        return None
    linked = any(one.books_id == books[0][0] for one in view.links_of(crm[0][0]))
    return (crm[0], books[0]) if linked else None


def no_other_file_is_touched(view: View) -> Iterator[str]:
    yield from (f"another company file was used: {one}" for one in view.ledger.trespasses)


def what_was_answered_goes_on(view: View) -> Iterator[str]:
    """Whoever did what the product told is not left with a connection that stands still."""
    if view.stopped:
        yield f"the connection is stopped for ever: {view.stopped}"


RULES: tuple[Rule, ...] = (
    pairs_agree,
    no_edit_is_lost,
    nothing_is_twice,
    no_mark_is_twice,
    no_record_has_two_partners,
    no_contact_is_twice,
    nobody_is_forgotten,
    no_status_waits_for_ever,
    documents_are_right,
    the_books_hold_what_people_did,
    mirrors_show_the_invoices,
    balances_agree,
    no_job_is_stuck,
    conflicts_show_what_is,
    jobs_are_below_their_customers,
    no_other_file_is_touched,
    what_was_answered_goes_on,
)


def check(scene: Scene, ledger: Ledger) -> list[Violation]:
    view = View(scene, ledger)
    return [Violation(rule.__name__, text) for rule in RULES for text in rule(view)]
