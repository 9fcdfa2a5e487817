"""Somebody at a desk who speaks raw qbXML to a company file, past the codec that the simulator uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from xml.sax.saxutils import escape, quoteattr

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, ProcessError
from tests.conftest import SHARED

Element = etree._Element
Tested = TypeVar("Tested", bound=Callable[..., Any])

XSD = SHARED / "reference/qbxml/qbxmlops130.xsd"
START = datetime(2026, 8, 1, 15, 0, 0, tzinfo=UTC)
PARSE_FAILURE = (
    "0x80040400",
    "QuickBooks found an error when parsing the provided XML text stream.",
)
OK = "ok"
MEASURED = "measured"
UNCONFIRMED = "unconfirmed"


def cites(section: str, mark: str = OK) -> Callable[[Tested], Tested]:
    """The section of the qbXML reference that a test speaks for, and how sure that section is; for page.py."""
    assert section.startswith("S")
    assert mark in (OK, MEASURED, UNCONFIRMED)
    return lambda test: test


class Clock:
    """Stands still until it is told to move."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


def xml(name: str, value: Any = None, **attributes: str) -> str:
    """An element: a dict is its children in the order given, a list repeats it, None or "" leaves it empty."""
    if isinstance(value, list):
        return "".join(xml(name, item, **attributes) for item in value)
    given = "".join(f" {key}={quoteattr(text)}" for key, text in attributes.items())
    return f"<{name}{given}>{_inside(value)}</{name}>"


def _inside(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "".join(child if key == "" else xml(key, child) for key, child in value.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def document(
    requests: Iterable[str] = (),
    *,
    version: str | None = "13.0",
    on_error: str | None = "continueOnError",
    **ids: str,
) -> str:
    stated = "" if version is None else f'<?qbxml version="{version}"?>'
    attributes = {"onError": on_error, **ids}
    given = "".join(f' {name}="{text}"' for name, text in attributes.items() if text is not None)
    return (
        f'<?xml version="1.0"?>{stated}<QBXML><QBXMLMsgsRq{given}>{"".join(requests)}</QBXMLMsgsRq></QBXML>'
    )


def request(kind: str, values: Mapping[str, Any] | None = None, **attributes: str) -> str:
    """kind without Rq; an Add or Mod gets its inner element of the same name."""
    inner = kind.endswith(("Add", "Mod")) or kind == "DataExtDel"
    return xml(f"{kind}Rq", {kind: values} if inner else values, **attributes)


class Desk:
    """Every answer is checked against Intuit's XSD when that is here."""

    def __init__(self, company: CompanyFile, clock: Clock, schema: etree.XMLSchema | None) -> None:
        self.company = company
        self.clock = clock
        self.schema = schema
        self.session = company.begin_session("Conformance")

    # -- sets ---

    def text(self, source: str, session: str | None = None) -> str:
        return self.company.process(session or self.session, source)

    def answer(self, source: str, session: str | None = None) -> Element:
        """QBXMLMsgsRs."""
        tree = etree.fromstring(self.text(source, session).encode("ascii"))
        if self.schema is not None:
            assert self.schema.validate(tree), self.schema.error_log
        return tree[0]

    def set(self, *requests: str, session: str | None = None, **envelope: Any) -> list[Element]:
        return list(self.answer(document(requests, **envelope), session))

    def codes(self, *requests: str, **envelope: Any) -> list[str]:
        return [rs.get("statusCode") or "" for rs in self.set(*requests, **envelope)]

    def failure(self, source: str, session: str | None = None) -> tuple[str, str]:
        """HRESULT and message of a set that gets no answer at all."""
        with pytest.raises(ProcessError) as caught:
            self.text(source, session)
        return caught.value.hresult, caught.value.message

    # -- single requests ---

    def ask(
        self,
        kind: str,
        values: Mapping[str, Any] | None = None,
        *,
        session: str | None = None,
        version: str = "13.0",
        **attributes: str,
    ) -> Element:
        [rs] = self.set(request(kind, values, **attributes), session=session, version=version)
        assert rs.tag == f"{kind}Rs"
        return rs

    def ok(self, kind: str, values: Mapping[str, Any] | None = None, **options: Any) -> Element:
        """The Ret of a request that succeeds, or the answer itself where there is no Ret."""
        rs = self.ask(kind, values, **options)
        assert rs.get("statusCode") == "0", f"{rs.get('statusCode')} {rs.get('statusMessage')}"
        return rs[0] if len(rs) and rs[0].tag.endswith("Ret") else rs

    def fails(
        self, code: int, kind: str, values: Mapping[str, Any] | None = None, text: str = "", **options: Any
    ) -> Element:
        rs = self.ask(kind, values, **options)
        assert rs.get("statusCode") == str(code), f"{rs.get('statusCode')} {rs.get('statusMessage')}"
        assert rs.get("statusSeverity") == severity(code)
        assert text in (rs.get("statusMessage") or ""), rs.get("statusMessage")
        return rs

    def rets(self, kind: str, values: Mapping[str, Any] | None = None, **options: Any) -> list[Element]:
        """What a query found; nothing found is no error."""
        rs = self.ask(f"{kind}Query", values, **options)
        assert rs.get("statusCode") in ("0", "1"), f"{rs.get('statusCode')} {rs.get('statusMessage')}"
        return list(rs)

    def names(self, kind: str, values: Mapping[str, Any] | None = None, **options: Any) -> set[str]:
        return {ret.findtext("FullName") or text(ret, "Name") for ret in self.rets(kind, values, **options)}

    # -- records ---

    def customer(self, name: str, **values: Any) -> Element:
        return self.ok("CustomerAdd", {"Name": name, **values})

    def read(self, kind: str, record_id: str, **more: Any) -> Element:
        """One record by its ID, with lines if it has any."""
        key = "TxnID" if kind in TRANSACTIONS else "ListID"
        lines = {"IncludeLineItems": True} if kind in WITH_LINES else {}
        return self.ok(f"{kind}Query", {key: record_id, **lines, **more})

    def mod(self, kind: str, ret: Element, changes: Mapping[str, Any] | None = None) -> Element:
        """The answer to a Mod with the EditSequence of this Ret."""
        return self.ask(f"{kind}Mod", {**key_of(ret), **(changes or {})})

    def modified(self, kind: str, ret: Element, changes: Mapping[str, Any] | None = None) -> Element:
        return self.ok(f"{kind}Mod", {**key_of(ret), **(changes or {})})

    def account(self, name: str, account_type: str = "Income", **values: Any) -> Element:
        return self.ok("AccountAdd", {"Name": name, "AccountType": account_type, **values})

    def service(self, name: str = "Labour", price: str = "10.00", **values: Any) -> Element:
        sold = {"Price": price, "AccountRef": full_name("Sales")}
        return self.ok("ItemServiceAdd", {"Name": name, **values, "SalesOrPurchase": sold})

    def stock(
        self, name: str = "Bolt", price: str = "2.00", cost: str = "1.00", on_hand: str = "0"
    ) -> Element:
        values = {
            "Name": name,
            "SalesPrice": price,
            "IncomeAccountRef": full_name("Sales"),
            "PurchaseCost": cost,
            "COGSAccountRef": full_name("Cost of Goods Sold"),
            "AssetAccountRef": full_name("Inventory Asset"),
        }
        return self.ok(
            "ItemInventoryAdd", {**values, **({"QuantityOnHand": on_hand} if on_hand != "0" else {})}
        )

    def form(self, kind: str, customer: Element, *lines: Mapping[str, Any], **header: Any) -> Element:
        """A sales form of plain lines."""
        values = {"CustomerRef": list_id(customer)}
        values |= {name: header[name] for name in sorted(header, key=HEADER_ORDER.index)}
        return self.ok(f"{kind}Add", {**values, f"{kind}LineAdd": list(lines)})

    def invoice(self, customer: Element, *lines: Mapping[str, Any], **header: Any) -> Element:
        return self.form("Invoice", customer, *lines, **header)

    def payment(self, customer: Element, amount: str, *invoices: Element, **applied: str) -> Element:
        rest = (
            {
                "AppliedToTxnAdd": [
                    {"TxnID": text(invoice, "TxnID"), "PaymentAmount": applied.get("each", amount)}
                    for invoice in invoices
                ]
            }
            if invoices
            else {"IsAutoApply": False}
        )
        return self.ok("ReceivePaymentAdd", {"CustomerRef": list_id(customer), "TotalAmount": amount, **rest})


TRANSACTIONS = (
    "Invoice",
    "Estimate",
    "SalesOrder",
    "SalesReceipt",
    "CreditMemo",
    "ReceivePayment",
    "Deposit",
)
WITH_LINES = TRANSACTIONS


def severity(code: int) -> str:
    if code < 500:
        return "Info"
    return "Warn" if code < 1000 else "Error"


def text(ret: Element, path: str) -> str:
    found = ret.findtext(path)
    assert found is not None, f"{ret.tag} has no {path}"
    return found


def amount(ret: Element, path: str) -> Decimal:
    return Decimal(text(ret, path).rstrip("%"))


def record_id(ret: Element) -> str:
    return ret.findtext("ListID") or text(ret, "TxnID")


def key_of(ret: Element) -> dict[str, str]:
    """What every Mod must have."""
    name = "TxnID" if ret.find("TxnID") is not None else "ListID"
    return {name: text(ret, name), "EditSequence": text(ret, "EditSequence")}


def list_id(ret: Element) -> dict[str, str]:
    """A Ref to this list element."""
    return {"ListID": text(ret, "ListID")}


def full_name(name: str) -> dict[str, str]:
    return {"FullName": name}


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LINE_ORDER = words(
    "TxnLineID ItemRef Desc Quantity UnitOfMeasure Rate RatePercent ClassRef Amount ServiceDate SalesTaxCodeRef "
    "Other1 Other2 LinkToTxn"
)
HEADER_ORDER = words(
    "CustomerRef ClassRef ARAccountRef TemplateRef TxnDate RefNumber BillAddress ShipAddress IsPending "
    "PONumber TermsRef DueDate SalesRepRef FOB ShipDate ShipMethodRef ItemSalesTaxRef IsManuallyClosed Memo "
    "CustomerMsgRef IsToBePrinted IsToBeEmailed CustomerSalesTaxCodeRef Other ExternalGUID SetCredit"
)


def line(item: Element | str, **values: Any) -> dict[str, Any]:
    """A line of a sales form, in QuickBooks' order."""
    given = {"ItemRef": full_name(item) if isinstance(item, str) else list_id(item), **values}
    return {name: given[name] for name in sorted(given, key=LINE_ORDER.index)}
