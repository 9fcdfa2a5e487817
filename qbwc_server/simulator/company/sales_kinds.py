"""The sales forms: what each is called, has and posts."""

from collections.abc import Mapping
from dataclasses import dataclass

from qbwc_server.simulator.company.list_engine import top_names

RECEIVABLE, DEPOSITED = "ARAccountRef", "DepositToAccountRef"


@dataclass(frozen=True)
class SalesKind:
    """One kind of sales form. Its fields come from the field tables."""

    name: str
    # 1 where the customer owes more by it, -1 for a credit, 0 for one that posts nothing.
    sign: int = 0
    # Where the total goes.
    account: str = RECEIVABLE
    # The template of a new company that it is printed with.
    template: str = ""
    can_be_void: bool = False

    @property
    def ret_name(self) -> str:
        return f"{self.name}Ret"

    @property
    def line(self) -> str:
        """Of its line elements: InvoiceLine + Add, Mod, Ret."""
        return f"{self.name}Line"

    @property
    def group(self) -> str:
        return f"{self.name}LineGroup"

    def has(self, field: str) -> bool:
        return field in top_names(self.ret_name)


SALES_KINDS: Mapping[str, SalesKind] = {
    kind.name: kind
    for kind in (
        SalesKind("Invoice", 1, template="Invoice Template", can_be_void=True),
        SalesKind("CreditMemo", -1, template="Credit Memo Template", can_be_void=True),
        SalesKind("SalesReceipt", 1, DEPOSITED, "Sales Receipt Template", can_be_void=True),
        SalesKind("SalesOrder", template="Sales Order Template"),
        SalesKind("Estimate", template="Estimate Template"),
    )
}
PAYMENT = "ReceivePayment"
# Kinds that a payment can be applied to, and those that can be applied like one.
PAYABLE = ("Invoice",)
CREDITS = ("CreditMemo", PAYMENT)
