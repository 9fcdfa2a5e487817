"""What a CRM makes of a value that it was sent: its own form is no edit, another value is."""

from decimal import Decimal
from typing import Any

import pytest

from qbwc_server.sync.deciding import as_kept


@pytest.mark.parametrize(
    ("sent", "stored", "kept"),
    [
        (Decimal("12.345"), Decimal("12.35"), Decimal("12.35")),
        (Decimal("12.345"), Decimal("12.34"), Decimal("12.34")),
        (Decimal("0.004"), Decimal("0.00"), Decimal("0.00")),
        (Decimal("12.34"), Decimal("12.35"), Decimal("12.34")),
        (Decimal("100.00"), Decimal("150.00"), Decimal("100.00")),
        ("Söhne  &  Co", "Söhne & Co", "Söhne & Co"),
        ("A long name that was cut", "A long name", "A long name"),
        ("Ann", "Bob", "Ann"),
        ("Ann", None, "Ann"),
    ],
)
def test_its_own_form_of_a_value_is_remembered_and_another_value_is_not(
    sent: Any, stored: Any, kept: Any
) -> None:
    assert as_kept(sent, stored) == kept
