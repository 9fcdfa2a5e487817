"""A shop that speaks raw qbXML: items with known prices, and short ways to order, invoice and pay."""

from collections.abc import Iterable
from decimal import Decimal

from lxml import etree

from tests.simulator.conftest import Office

INCOME = "<AccountRef><FullName>Sales</FullName></AccountRef>"
STOCK_ACCOUNTS = (
    "<IncomeAccountRef><FullName>Sales</FullName></IncomeAccountRef>{cost}"
    "<COGSAccountRef><FullName>Cost of Goods Sold</FullName></COGSAccountRef>"
    "<AssetAccountRef><FullName>Inventory Asset</FullName></AssetAccountRef>"
)


def ref(name: str, full_name: str) -> str:
    return f"<{name}Ref><FullName>{full_name}</FullName></{name}Ref>"


def line(item: str, more: str = "", kind: str = "Invoice", request: str = "Add") -> str:
    return f"<{kind}Line{request}>{ref('Item', item)}{more}</{kind}Line{request}>"


class Shop:
    """Taxable Nail 1.25, Hammer 20.00 in stock; untaxed Work 85.00; 8.25 percent of sales tax."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.item("ItemNonInventory", "Nail", price="1.25", code="Tax")
        self.item("ItemService", "Work", price="85.00", code="Non")
        self.stocked("Hammer", "20.00", cost="8.00", on_hand="10")
        self.ask_ok(
            "<ItemSalesTaxAddRq><ItemSalesTaxAdd><Name>County</Name><TaxRate>8.25</TaxRate>"
            "</ItemSalesTaxAdd></ItemSalesTaxAddRq>"
        )
        self.customer = office.add("Ann", ref("Terms", "Net 30") + ref("SalesTaxCode", "Tax"))

    def ask_ok(self, request: str, code: str = "0") -> etree._Element:
        rs = self.office.ask(request)
        assert rs.get("statusCode") == code, rs.get("statusMessage")
        return rs

    def item(self, kind: str, name: str, price: str, code: str = "Tax", field: str = "Price") -> None:
        form = f"<SalesOrPurchase><{field}>{price}</{field}>{INCOME}</SalesOrPurchase>"
        self.ask_ok(
            f"<{kind}AddRq><{kind}Add><Name>{name}</Name>{ref('SalesTaxCode', code)}{form}</{kind}Add></{kind}AddRq>"
        )

    def stocked(self, name: str, price: str, cost: str, on_hand: str) -> None:
        accounts = STOCK_ACCOUNTS.format(cost=f"<PurchaseCost>{cost}</PurchaseCost>")
        self.ask_ok(
            f"<ItemInventoryAddRq><ItemInventoryAdd><Name>{name}</Name>{ref('SalesTaxCode', 'Tax')}"
            f"<SalesPrice>{price}</SalesPrice>{accounts}<QuantityOnHand>{on_hand}</QuantityOnHand>"
            "</ItemInventoryAdd></ItemInventoryAddRq>"
        )

    def add(self, kind: str, lines: str, head: str = "", customer: str = "Ann") -> etree._Element:
        """The Ret of a new sales form."""
        rs = self.try_add(kind, lines, head, customer)
        assert rs.get("statusCode") == "0", rs.get("statusMessage")
        return found(rs, f"{kind}Ret")

    def try_add(self, kind: str, lines: str, head: str = "", customer: str = "Ann") -> etree._Element:
        return self.office.ask(
            f"<{kind}AddRq><{kind}Add>{ref('Customer', customer)}{head}{lines}</{kind}Add></{kind}AddRq>"
        )

    def invoice(self, amount: str, customer: str = "Ann", head: str = "") -> str:
        """A TxnID; untaxed work for that amount."""
        ret = self.add("Invoice", line("Work", f"<Amount>{amount}</Amount>"), head, customer)
        return ret.findtext("TxnID") or ""

    def credit(self, amount: str, customer: str = "Ann") -> str:
        ret = self.add("CreditMemo", line("Work", f"<Amount>{amount}</Amount>", "CreditMemo"), "", customer)
        return ret.findtext("TxnID") or ""

    def try_pay(
        self, total: str, applied: Iterable[tuple[str, str]] = (), customer: str = "Ann", how: str = ""
    ) -> etree._Element:
        lines = "".join(
            f"<AppliedToTxnAdd><TxnID>{txn_id}</TxnID>{inside}</AppliedToTxnAdd>"
            for txn_id, inside in applied
        )
        how = how or lines or "<IsAutoApply>false</IsAutoApply>"
        amount = f"<TotalAmount>{total}</TotalAmount>" if total else ""
        return self.office.ask(
            f"<ReceivePaymentAddRq><ReceivePaymentAdd>{ref('Customer', customer)}{amount}{how}"
            "</ReceivePaymentAdd></ReceivePaymentAddRq>"
        )

    def pay(
        self, total: str, *applied: tuple[str, str], customer: str = "Ann", how: str = ""
    ) -> etree._Element:
        rs = self.try_pay(total, [(txn_id, amount(text)) for txn_id, text in applied], customer, how)
        assert rs.get("statusCode") == "0", rs.get("statusMessage")
        return found(rs, "ReceivePaymentRet")

    def ret(self, kind: str, txn_id: str) -> etree._Element:
        links = (
            ""
            if kind in ("ReceivePayment", "SalesReceipt")
            else "<IncludeLinkedTxns>true</IncludeLinkedTxns>"
        )
        rs = self.office.ask(
            f"<{kind}QueryRq><TxnID>{txn_id}</TxnID><IncludeLineItems>true</IncludeLineItems>{links}</{kind}QueryRq>"
        )
        return found(rs, f"{kind}Ret")

    def mod(self, kind: str, txn_id: str, changes: str, sequence: str = "") -> etree._Element:
        sequence = sequence or self.ret(kind, txn_id).findtext("EditSequence") or ""
        return self.office.ask(
            f"<{kind}ModRq><{kind}Mod><TxnID>{txn_id}</TxnID><EditSequence>{sequence}</EditSequence>"
            f"{changes}</{kind}Mod></{kind}ModRq>"
        )

    def delete(self, kind: str, txn_id: str) -> etree._Element:
        return self.office.ask(f"<TxnDelRq><TxnDelType>{kind}</TxnDelType><TxnID>{txn_id}</TxnID></TxnDelRq>")

    def void(self, kind: str, txn_id: str) -> etree._Element:
        return self.office.ask(
            f"<TxnVoidRq><TxnVoidType>{kind}</TxnVoidType><TxnID>{txn_id}</TxnID></TxnVoidRq>"
        )

    def texts(self, kind: str, txn_id: str, *names: str) -> tuple[str | None, ...]:
        ret = self.ret(kind, txn_id)
        return tuple(ret.findtext(name) for name in names)

    def balance(self, customer: str = "Ann") -> Decimal:
        query = f"<CustomerQueryRq><FullName>{customer}</FullName></CustomerQueryRq>"
        return Decimal(found(self.office.ask(query), "CustomerRet").findtext("Balance") or "")

    def account(self, name: str) -> Decimal:
        query = f"<AccountQueryRq><FullName>{name}</FullName></AccountQueryRq>"
        return Decimal(found(self.office.ask(query), "AccountRet").findtext("Balance") or "")

    def stock(self, name: str, field: str = "QuantityOnHand") -> Decimal:
        query = f"<ItemInventoryQueryRq><FullName>{name}</FullName></ItemInventoryQueryRq>"
        return Decimal(found(self.office.ask(query), "ItemInventoryRet").findtext(field) or "")


def amount(text: str) -> str:
    return f"<PaymentAmount>{text}</PaymentAmount>"


def found(rs: etree._Element, name: str) -> etree._Element:
    one = rs.find(name)
    assert one is not None, (rs.get("statusCode"), rs.get("statusMessage"))
    return one
