import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.emulators.salesforce.ids import numbered, to_18

# Ids as they stand in Salesforce's own documentation and in public reports.
REAL = ["001D000000IqhSLIAZ", "00190000001pPvHAAU", "01gD0000002HU6KIAW", "001Vr00000m4eGCIAY"]


@pytest.mark.parametrize("full", REAL)
def test_the_suffix_of_real_ids_is_found_again(full: str) -> None:
    assert to_18(full[:15]) == full
    assert to_18(full) == full


@pytest.mark.parametrize("text", ["", "001", "001D000000IqhSLIAA", "001D000000IqhS-", "001D000000IqhSLI"])
def test_what_is_no_id_has_no_long_form(text: str) -> None:
    assert to_18(text) is None


@given(st.integers(0, 62**9 - 1), st.integers(0, 62**9 - 1))
def test_different_rows_have_ids_that_differ_without_case(one: int, other: int) -> None:
    first, second = numbered("001", one), numbered("001", other)
    assert (first.lower() == second.lower()) == (one == other)
    assert (first < second) == (one < other)
