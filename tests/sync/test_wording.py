"""Values of a decision as a person reads them."""

from decimal import Decimal
from typing import Any

import pytest

from qbwc_server.sync.deciding import worded


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("QB_Paid__c > AppliedAmount", Decimal("-40.00"), "40.00"),
        ("QB_Paid__c > AppliedAmount", Decimal("-1234.5"), "1,234.50"),
        ("QB_Balance__c > BalanceRemaining", Decimal("0.00"), "0.00"),
        ("QB_Balance__c > Balance", Decimal("-7"), "-7.00"),
        ("QB_Total__c > total()", 1000, "1,000.00"),
        ("UnitPrice > SalesOrPurchase/Price", Decimal("0.12345"), Decimal("0.12345")),
        ("QB_Paid__c > AppliedAmount", None, None),
        ("Name > Name", "Balance", "Balance"),
        ("IsActive > IsActive", True, True),
    ],
)
def test_money_is_read_with_its_cents_and_a_payment_without_a_minus(
    field: str, value: Any, shown: Any
) -> None:
    assert worded(field, value) == shown
