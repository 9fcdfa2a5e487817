import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbxml import Request, external_guid, negotiate, new_set_id, validate


def test_a_set_id_is_sixteen_characters_of_base32_and_new_each_time() -> None:
    made = {new_set_id() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch("[A-Z2-7]{16}", one) for one in made)


def test_an_external_guid_is_a_braced_guid_that_quickbooks_takes() -> None:
    guid = external_guid("company", "account", "001")
    assert uuid.UUID(guid[1:-1]).version == 5
    assert validate(Request("CustomerAddRq", {"CustomerAdd": {"Name": "Ann", "ExternalGUID": guid}})) == ()


def test_an_external_guid_never_changes_from_one_release_to_the_next() -> None:
    assert external_guid("company", "account", "001") == "{020292a4-dbfe-5fa7-b315-1a396614d2da}"


@given(left=st.lists(st.text(), max_size=4), right=st.lists(st.text(), max_size=4))
def test_external_guids_are_equal_exactly_when_their_parts_are(left: list[str], right: list[str]) -> None:
    assert (external_guid(*left) == external_guid(*right)) == (left == right)


@pytest.mark.parametrize(
    ("supported", "country", "chosen"),
    [
        (["1.0", "1.1", "12.0", "13.0"], "US", "13.0"),
        (["1.0", "13.0", "14.0", "15.0", "16.0"], "US", "13.0"),
        (["16.0"], "US", "13.0"),
        (["1.0", "1.1", "2.0", "2.1", "3.0"], "US", "3.0"),
        (["8.0 ", "7.0"], "US", "8.0"),
        (["10.0", "9.0"], "US", "10.0"),
        (["CA2.0", "CA3.0"], "CA", "3.0"),
        (["CA3.0", "2.0"], "US", "2.0"),
        (["6.0", "6.1"], "AU", "6.0"),
        (["13"], "US", "13.0"),
        (["13.0", "beta"], "US", "13.0"),
    ],
)
def test_the_highest_common_version_is_chosen(supported: list[str], country: str, chosen: str) -> None:
    assert negotiate(supported, country) == chosen


@pytest.mark.parametrize("supported", [[], ["UK3.0"], ["beta", ""], ["0.9"]])
def test_without_a_common_version_it_is_told(supported: list[str]) -> None:
    with pytest.raises(ValueError, match="no qbXML version"):
        negotiate(supported)
