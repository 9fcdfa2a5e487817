"""What people do on both sides: a table of verbs. Each act notes in the ledger what it changed, and only then.

What a program refuses (a name in use, a record that is gone) was not done, and is not noted.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from crm.errors import CrmError
from qbwc_server.errors import Problem
from qbwc_server.simulator import CompanyFile
from qbwc_server.simulator.errors import SimulatorError
from qbwc_server.store.database import Database
from tests.fire.ledger import BOTH, SIDES, Entity, Ledger, Sale, Wanted
from tests.fire.meaning import CUSTOMER, FIELDS, ITEM_KINDS, money, number

REFUSED = (SimulatorError, CrmError, Problem)
CONTACT = "PrimaryContact."
CRM_KINDS = {"customer": "account", "item": "product"}
Values = Mapping[str, Any]
Row = tuple[str, dict[str, Any]]
# What stands below the lines of a sale: its field in the CRM, and as a line in QuickBooks.
EXTRAS = {"discount": "QB_Discount__c", "freight": "QB_Freight__c"}
SIGNS = {"discount": -1, "freight": 1}
# Percent, of the item County.
TAX = Decimal("8.25")


class Desk(Protocol):
    """A CRM as its users see it, in the words of the port: account, contact, product, opportunity, invoice."""

    def rows(self, kind: str) -> list[Row]: ...

    def create(self, kind: str, values: Values, *, late: bool = False) -> str: ...

    def edit(self, kind: str, record_id: str, values: Values) -> None: ...

    def delete(self, kind: str, record_id: str) -> None: ...


class Scene(Protocol):
    """Both sides and the product's database between them."""

    crm: Any
    desk: Desk
    company: CompanyFile
    database: Database
    connection_id: str

    def moment(self) -> None:
        """Time goes on by a second, so that no two acts have one stamp."""


# --- finding what a token stands for ---


def is_called(token: str, values: Values) -> bool:
    own = values.get("AccountNumber") or values.get("Memo") or values.get("Name") or ""
    return str(own) == token or str(values.get("Name") or values.get("Memo") or "").endswith(token)


def crm_rows(scene: Scene, entity: Entity) -> list[Row]:
    """Its living records, contacts put into their accounts."""
    found = [one for one in scene.desk.rows(CRM_KINDS[entity.family]) if is_called(entity.token, one[1])]
    if entity.family != "customer":
        return found
    contacts = dict(scene.desk.rows("contact"))
    return [
        (key, {**row, "PrimaryContact": contacts.get(row.get("QB_Primary_Contact__c") or "")})
        for key, row in found
    ]


def books_rows(scene: Scene, entity: Entity) -> list[Row]:
    if entity.family == "customer":
        return [(one["ListID"], one) for one in scene.company.customers() if is_called(entity.token, one)]
    kinds = [(kind, one) for kind in ITEM_KINDS for one in scene.company.elements(kind)]
    return [(one["ListID"], {**one, "kind": kind}) for kind, one in kinds if is_called(entity.token, one)]


def invoices(scene: Scene, token: str, form: str = "Invoice") -> list[dict[str, Any]]:
    return [one for one in scene.company.txns(form) if str(one.get("Memo") or "").endswith(token)]


def _only(rows: list[Row]) -> Row:
    if len(rows) != 1:
        raise Problem("It is not there, or not alone.")
    return rows[0]


def _entity(ledger: Ledger, token: str) -> Entity:
    if token not in ledger.entities:
        raise Problem("Nobody made it.")
    return ledger.entities[token]


def _there(
    scene: Scene, ledger: Ledger, rows: Callable[[Scene, Entity], list[Row]], lines: list[list[str]]
) -> list[tuple[str, ...]]:
    """The lines whose product is there, as (token, id, quantity, price)."""
    named = [(ledger.entities[token], rest) for token, *rest in lines if token in ledger.entities]
    found = [(entity.token, rows(scene, entity), rest) for entity, rest in named]
    chosen = [(token, there[0][0], *rest) for token, there, rest in found if len(there) == 1]
    if not chosen:
        raise Problem("There is nothing to sell.")
    return chosen


# --- the CRM's people ---


def crm_account(
    scene: Scene, ledger: Ledger, token: str, values: Values, promoted: bool, late: bool, below: str = ""
) -> None:
    if token in ledger.entities and crm_rows(scene, ledger.entities[token]):
        raise Problem("Whoever looks first finds it.")
    parent = {"ParentId": _only(crm_rows(scene, _entity(ledger, below)))[0]} if below else {}
    own = {name: value for name, value in values.items() if not name.startswith(CONTACT)}
    status = {"QB_Link_Status__c": "To be Linked"} if promoted else {}
    person = {name.removeprefix(CONTACT): value for name, value in values.items() if name.startswith(CONTACT)}
    account = scene.desk.create("account", {**own, **status, **parent}, late=late and not person)
    if person:
        contact = scene.desk.create("contact", {**person, "AccountId": account})
        scene.desk.edit("account", account, {"QB_Primary_Contact__c": contact})
    entity = ledger.made(token, "customer", "crm", values)
    entity.promoted |= promoted
    entity.below = below


def crm_product(scene: Scene, ledger: Ledger, token: str, values: Values, promoted: bool) -> None:
    status = {"QB_Link_Status__c": "To be Linked"} if promoted else {}
    typed = {"IsActive": True, **values, "StandardPrice": Decimal(values["StandardPrice"])}
    scene.desk.create("product", {**typed, **status, "QB_Item_Type__c": "Service"})
    ledger.made(token, "item", "crm", values).promoted |= promoted


def crm_edit(scene: Scene, ledger: Ledger, token: str, field: str, value: str) -> None:
    entity = _entity(ledger, token)
    key, row = _only(crm_rows(scene, entity))
    if field.startswith(CONTACT):
        _edit_contact(scene, key, row, field.removeprefix(CONTACT), value)
    else:
        typed: Any = Decimal(value) if field == "StandardPrice" and value else value or None
        scene.desk.edit(CRM_KINDS[entity.family], key, {field: typed})
    ledger.edited(token, "crm", field, value)


def _edit_contact(scene: Scene, account: str, row: Values, field: str, value: str) -> None:
    if row.get("PrimaryContact") is None:
        if field != "LastName" or not value:
            raise Problem("The account has no contact.")
        contact = scene.desk.create("contact", {"LastName": value, "AccountId": account})
        scene.desk.edit("account", account, {"QB_Primary_Contact__c": contact})
    else:
        scene.desk.edit("contact", row["QB_Primary_Contact__c"], {field: value or None})


def crm_promote(scene: Scene, ledger: Ledger, token: str) -> None:
    entity = _entity(ledger, token)
    key, _ = _only(crm_rows(scene, entity))
    scene.desk.edit(CRM_KINDS[entity.family], key, {"QB_Link_Status__c": "To be Linked"})
    entity.promoted = True


def crm_delete(scene: Scene, ledger: Ledger, token: str) -> None:
    entity = _entity(ledger, token)
    key, _ = _only(crm_rows(scene, entity))
    scene.desk.delete(CRM_KINDS[entity.family], key)
    entity.deleted.add("crm")


def crm_sale(
    scene: Scene,
    ledger: Ledger,
    token: str,
    name: str,
    account: str,
    lines: list[list[str]],
    form: str,
    taxed: bool = False,
    **extras: str,
) -> None:
    """`extras` are discount and freight; the tax is on all but the freight."""
    key, _ = _only(crm_rows(scene, _entity(ledger, account)))
    chosen = _there(scene, ledger, crm_rows, lines)
    parts = [
        {
            "Product2Id": product,
            "Quantity": Decimal(quantity),
            "UnitPrice": Decimal(price),
            "TotalPrice": money(Decimal(quantity) * Decimal(price)),
        }
        for _, product, quantity, price in chosen
    ]
    total = sum((one["TotalPrice"] for one in parts), Decimal(0))
    more: dict[str, Any] = {EXTRAS[name]: Decimal(amount) for name, amount in extras.items()}
    tax = money((total - Decimal(extras.get("discount", 0))) * TAX / 100) if taxed else None
    if tax is not None:
        more |= {"QB_Tax_Item__c": "County", "QB_Tax_Amount__c": tax}
    values = {"Name": name, "AccountId": key, "CloseDate": date(2026, 3, 1), "Amount": total, "lines": parts}
    priced = {"Pricebook2.IsStandard": True, "QB_Generate__c": form, **more}
    scene.desk.create("opportunity", {**values, **priced})
    form_name = {"Invoice": "Invoice", "Sales Order": "SalesOrder"}[form]
    wanted: list[Wanted] = [
        (token, Decimal(n), money(Decimal(n) * Decimal(price))) for token, _, n, price in chosen
    ]
    wanted += [(one, None, SIGNS[one] * money(extras[one])) for one in SIGNS if one in extras]
    sale = Sale(token, account, form_name, [], wanted, "crm", tax=tax)
    ledger.sales[token] = replace(sale, amounts=[sale.total])
    for one in [account, *(product for product, *_ in chosen)]:
        ledger.entities[one].needed_by.add(token)


def crm_rename_sale(scene: Scene, ledger: Ledger, token: str, name: str) -> None:
    for key, row in scene.desk.rows("opportunity"):
        if is_called(token, row):
            scene.desk.edit("opportunity", key, {"Name": name})


# --- QuickBooks' people ---


def books_customer(scene: Scene, ledger: Ledger, token: str, values: Values, below: str = "") -> None:
    if token in ledger.entities and books_rows(scene, ledger.entities[token]):
        raise Problem("Whoever looks first finds it.")
    parent = _only(books_rows(scene, _entity(ledger, below)))[0] if below else ""
    reference = {"ParentRef": {"ListID": parent}} if below else {}
    scene.company.user_add({**_customer_values({}, values), **reference})
    ledger.made(token, "customer", "books", values).below = below


def books_item(scene: Scene, ledger: Ledger, token: str, values: Values) -> None:
    price = {"Price": Decimal(values["StandardPrice"]), "AccountRef": {"FullName": "Sales"}}
    desc = {"Desc": values["Description"]} if values.get("Description") else {}
    scene.company.user_add({"Name": values["Name"], "SalesOrPurchase": {**desc, **price}}, "ItemService")
    ledger.made(token, "item", "books", values)


def books_edit(scene: Scene, ledger: Ledger, token: str, field: str, value: str) -> None:
    entity = _entity(ledger, token)
    key, row = _only(books_rows(scene, entity))
    if entity.family == "customer":
        scene.company.user_edit(key, _customer_values(row, {field: value}))
    else:
        scene.company.user_edit(key, _item_values(field, value), row["kind"])
    ledger.edited(token, "books", field, value)


def _customer_values(held: Values, values: Values) -> dict[str, Any]:
    """An address is typed as a whole: what stood there is typed again."""
    changes: dict[str, Any] = {}
    for field, value in values.items():
        name, part = _place(field)
        if not part:
            changes[name] = value
            continue
        block = {one: text for one, text in (held.get(name) or {}).items() if text and _stays(one, part)}
        changes[name] = {**block, **changes.get(name, {}), part: value}
    return changes


def _stays(part: str, typed: str) -> bool:
    """A new street replaces all lines of the old one."""
    return not (part.startswith("Addr") and typed.startswith("Addr"))


_PLACES = {"Description": "Notes", f"{CONTACT}Title": "JobTitle"}


def _place(field: str) -> tuple[str, str]:
    """A field of the CRM -> the aggregate and the part, or the plain field, in QuickBooks."""
    for prefix, block in (("Billing", "BillAddress"), ("Shipping", "ShipAddress")):
        if field.startswith(prefix):
            part = field.removeprefix(prefix)
            return block, "Addr1" if part == "Street" else part
    return _PLACES.get(field, field.removeprefix(CONTACT)), ""


def _item_values(field: str, value: str) -> dict[str, Any]:
    if field == "Name":
        return {"Name": value}
    return {"SalesOrPurchaseMod": {"Price": Decimal(value)} if field == "StandardPrice" else {"Desc": value}}


def books_delete(scene: Scene, ledger: Ledger, token: str) -> None:
    entity = _entity(ledger, token)
    key, row = _only(books_rows(scene, entity))
    scene.company.user_delete(key, row.get("kind", "Customer"))
    entity.deleted.add("books")


def books_merge(scene: Scene, ledger: Ledger, token: str, into: str) -> None:
    """Two customers become one: what was sold to the first was sold to the second."""
    source, target = _entity(ledger, token), _entity(ledger, into)
    here, there = _only(books_rows(scene, source)), _only(books_rows(scene, target))
    if here[0] == there[0]:
        raise Problem("A record is not merged with itself.")
    scene.company.merge(here[0], there[0], here[1].get("kind", "Customer"))
    source.deleted.add("books")
    source.merged_into = into


def books_invoice(
    scene: Scene, ledger: Ledger, token: str, name: str, customer: str, lines: list[list[str]]
) -> None:
    key, _ = _only(books_rows(scene, _entity(ledger, customer)))
    chosen = _there(scene, ledger, books_rows, lines)
    parts = [
        {"ItemRef": {"ListID": item}, "Quantity": Decimal(quantity), "Rate": Decimal(price)}
        for _, item, quantity, price in chosen
    ]
    values = {"CustomerRef": {"ListID": key}, "Memo": name, "InvoiceLineAdd": parts}
    scene.company.user_add({**values, "TxnDate": date(2026, 3, 1)}, "Invoice")
    wanted: list[Wanted] = [
        (token, Decimal(n), money(Decimal(n) * Decimal(price))) for token, _, n, price in chosen
    ]
    sale = Sale(token, customer, "Invoice", [], wanted, "books")
    ledger.sales[token] = replace(sale, amounts=[sale.total])


def _the_invoice(scene: Scene, token: str) -> dict[str, Any]:
    found = invoices(scene, token)
    if len(found) != 1:
        raise Problem("It is not there, or not alone.")
    return found[0]


def books_pay(scene: Scene, ledger: Ledger, token: str, share: str) -> None:
    one = _the_invoice(scene, token)
    amount = money(Decimal(one["BalanceRemaining"]) * Decimal(share))
    if amount <= 0:
        raise Problem("Nothing is owed.")
    scene.company.take_payment(customer=one["CustomerRef"]["ListID"], amount=amount, invoice=one["TxnID"])
    ledger.payments.append((token, amount))


def books_amount(scene: Scene, ledger: Ledger, token: str, amount: str) -> None:
    one = _the_invoice(scene, token)
    before = money(one["Subtotal"])
    line = one["InvoiceLineRet"][0]
    scene.company.edit_amount(one["TxnID"], amount)
    sale = ledger.sales[token]
    sale.amounts = [before - money(line.get("Amount")) + money(amount)]
    sale.edited_in_books, sale.void = True, False


def books_void(scene: Scene, ledger: Ledger, token: str) -> None:
    scene.company.user_void(_the_invoice(scene, token)["TxnID"])
    ledger.sales[token].void, ledger.sales[token].amounts = True, [Decimal(0)]


def books_delete_invoice(scene: Scene, ledger: Ledger, token: str) -> None:
    scene.company.user_delete(_the_invoice(scene, token)["TxnID"], "Invoice")
    ledger.sales[token].gone = True


Act = Callable[..., None]
ACTS: Mapping[str, Act] = {
    "crm.account": crm_account,
    "crm.product": crm_product,
    "crm.edit": crm_edit,
    "crm.promote": crm_promote,
    "crm.delete": crm_delete,
    "crm.sale": crm_sale,
    "crm.rename_sale": crm_rename_sale,
    "books.customer": books_customer,
    "books.item": books_item,
    "books.edit": books_edit,
    "books.delete": books_delete,
    "books.merge": books_merge,
    "books.invoice": books_invoice,
    "books.pay": books_pay,
    "books.amount": books_amount,
    "books.void": books_void,
    "books.delete_invoice": books_delete_invoice,
}


def choose(
    scene: Scene, ledger: Ledger, entity: Entity, field: str, side: str, seen: tuple[str, str]
) -> None:
    """A choice in a conflict replaces what was said before, but for what the person could not see yet.

    Where a restored file does not hold the record, it may do so once the right file is open again.
    """
    crm, books = crm_rows(scene, entity), books_rows(scene, entity)
    reads = FIELDS[entity.family].get(field)
    if reads is None:
        return
    if len(crm) != 1 or len(books) != 1:
        ledger.may_choose(entity.token, field, seen[0] if side == "crm" else seen[1])
        return
    now, value = (reads[0](crm[0][1]), reads[1](books[0][1])), seen[0] if side == "crm" else seen[1]
    if now == seen:
        ledger.edited(entity.token, BOTH, field, value)
        return
    form, shown = number if field == "StandardPrice" else str, dict(zip(SIDES, seen, strict=True))
    ledger.chosen(
        entity.token, field, value, lambda one: one.side == BOTH or form(one.value) == shown[one.side]
    )


assert set(CUSTOMER) >= {"Name", "AccountNumber"}
