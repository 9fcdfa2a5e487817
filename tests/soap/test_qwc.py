from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.soap.qwc import OWNER_ID, QwcRefused, build_qwc

FILE_ID = "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}"
GOOD: dict[str, Any] = {
    "app_name": "Example Sync",
    "app_url": "https://app.example.com/qbwc",
    "support_url": "https://app.example.com/support",
    "user": "tenant42",
    "owner_id": OWNER_ID,
    "file_id": FILE_ID,
    "description": "Keeps the CRM and QuickBooks in step",
    "minutes": 30,
}


def build(**changes: Any) -> str:
    return build_qwc(**(GOOD | changes))


def elements(**changes: Any) -> dict[str, str]:
    root = etree.fromstring(build(**changes).encode("ascii"))
    return {str(child.tag): "".join(child.itertext()) for child in root}


def refusal(**changes: Any) -> str:
    with pytest.raises(QwcRefused) as caught:
        build(**changes)
    assert caught.value.code in str(caught.value)
    return caught.value.code


def test_the_file_is_plain_ascii_with_a_declaration_and_no_byte_order_mark() -> None:
    text = build(description="Grüße & <株式会社>")
    assert text.isascii()
    assert text.startswith('<?xml version="1.0"?>\n<QBWCXML>')
    assert elements(description="Grüße & <株式会社>")["AppDescription"] == "Grüße & <株式会社>"


def test_every_element_has_its_value() -> None:
    assert elements() == {
        "AppName": "Example Sync",
        "AppID": "",
        "AppURL": "https://app.example.com/qbwc",
        "AppDescription": "Keeps the CRM and QuickBooks in step",
        "AppSupport": "https://app.example.com/support",
        "UserName": "tenant42",
        "OwnerID": OWNER_ID,
        "FileID": FILE_ID,
        "QBType": "QBFS",
        "Style": "Document",
        "Scheduler": "30",
        "AuthFlags": "0xF",
        "IsReadOnly": "false",
    }


def test_the_root_has_no_namespace_and_the_elements_their_customary_order() -> None:
    root = etree.fromstring(build().encode())
    assert root.tag == "QBWCXML"
    names = [str(child.tag) for child in root]
    # Intuit's samples put the scheduler before or after the style, and everything else like this.
    assert " ".join(names[:9]) == (
        "AppName AppID AppURL AppDescription AppSupport UserName OwnerID FileID QBType"
    )


def test_the_schedule_holds_minutes_or_is_left_out() -> None:
    assert "<Scheduler><RunEveryNMinutes>5</RunEveryNMinutes></Scheduler>" in build(minutes=5)
    assert "Scheduler" not in elements(minutes=None)


def test_there_is_no_password_element() -> None:
    assert "assword" not in build()


@pytest.mark.parametrize(
    ("app", "support"),
    [
        ("http://localhost:8080/qbwc", "http://localhost:8080/support"),
        ("http://localhost/qbwc", "https://www.example.com/help"),
        ("https://localhost/qbwc", "https://localhost/help"),
        ("https://APP.example.com/qbwc?company=7&x=1", "https://app.example.com:8443/help"),
        ("https://bookserver/qbwc", "https://bookserver/help"),
        ("https://xn--mnchen-3ya.example/qbwc", "https://xn--mnchen-3ya.example/"),
        ("https://3com.example/qbwc", "https://3com.example/"),
    ],
)
def test_addresses_the_web_connector_takes_are_taken(app: str, support: str) -> None:
    found = elements(app_url=app, support_url=support)
    assert (found["AppURL"], found["AppSupport"]) == (app, support)


@pytest.mark.parametrize("host", ["app.example.com", "bookserver", "localhost.example.com"])
def test_plain_http_is_for_localhost_only(host: str) -> None:
    assert refusal(app_url=f"http://{host}/qbwc", support_url=f"https://{host}/help") == "QBWC1010"
    assert refusal(app_url=f"https://{host}/qbwc", support_url=f"http://{host}/help") == "QBWC1010"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "203.0.113.9:8443",
        "[::1]",
        "[2001:db8::1]:443",
        "[fe80::1%25eth0]",
        "2130706433",
        "0x7f.1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_ip_address_is_refused(host: str, scheme: str) -> None:
    assert refusal(app_url=f"{scheme}://{host}/qbwc") == "QBWC1001"
    assert refusal(support_url=f"{scheme}://{host}/help") == "QBWC1002"
    assert refusal(app_url="http://localhost/qbwc", support_url=f"https://{host}/help") == "QBWC1002"


@pytest.mark.parametrize(
    "support", ["www.example.com", "example.com", "app.example.com.evil.org", "localhost"]
)
def test_the_support_page_must_be_on_the_same_host(support: str) -> None:
    assert refusal(support_url=f"https://{support}/help") == "QBWC1000"


@pytest.mark.parametrize(
    "support", ["https://developer.intuit.com/help", "https://intuit.com/", "https://QUICKBOOKS.Intuit.com"]
)
def test_a_page_of_intuit_is_no_support_page(support: str) -> None:
    assert refusal(support_url=support) == "QBWC1000"
    assert refusal(app_url="http://localhost/qbwc", support_url=support) == "QBWC1000"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.example.com/qbwc",
        "ftp://app.example.com/qbwc",
        "https:///qbwc",
        "https://app.example.com:port/qbwc",
        "https://app.example.com:99999/qbwc",
        "https://user:secret@app.example.com/qbwc",
        "https://app.example.com/qbwc#part",
        "https://app.example.com/my qbwc",
        "https://münchen.example/qbwc",
        "https://-bad.example/qbwc",
        "https://a..b/qbwc",
        "https://[::1/qbwc",
        "https://app.example.com/\nqbwc",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("element", ["app_url", "support_url"])
def test_what_is_no_web_address_is_refused(url: str, element: str) -> None:
    assert refusal(**{element: url}) == "QBWC1039"


@pytest.mark.parametrize("field", ["app_name", "user", "description"])
@pytest.mark.parametrize(
    "text", ["", "   ", " Example", "Example\n", "Exa\x00mple", "Exa\tmple", "x" * 256, "\ud800"]
)
def test_empty_overlong_and_unprintable_names_are_refused(field: str, text: str) -> None:
    with pytest.raises(QwcRefused, match="QBWC1039"):
        build(**{field: text})


def test_the_description_has_at_most_80_characters() -> None:
    assert elements(description="x" * 80)["AppDescription"] == "x" * 80
    with pytest.raises(QwcRefused, match="81 characters"):
        build(description="x" * 81)


def test_the_name_becomes_a_registry_key_and_has_no_backslash() -> None:
    with pytest.raises(QwcRefused, match="backslash"):
        build(app_name="Sync\\Shop")


@pytest.mark.parametrize(
    "guid",
    [
        "",
        FILE_ID.strip("{}"),
        FILE_ID.replace("9", "G"),
        FILE_ID + "\n",
        "{90A44FB533D94815AC85BC87A7E7D1EB}",
        "{90A44FB5-33D9-4815-AC85-BC87A7E7D1E}",
        "[90A44FB5-33D9-4815-AC85-BC87A7E7D1EB]",
    ],
)
@pytest.mark.parametrize("field", ["owner_id", "file_id"])
def test_a_guid_needs_braces_and_hexadecimal_digits(guid: str, field: str) -> None:
    with pytest.raises(QwcRefused, match="GUID in braces"):
        build(**{field: guid})


def test_the_case_of_a_guid_is_kept() -> None:
    assert elements(file_id=FILE_ID.lower())["FileID"] == FILE_ID.lower()


@pytest.mark.parametrize("minutes", [0, -5])
def test_a_schedule_needs_a_minute_at_least(minutes: int) -> None:
    assert refusal(minutes=minutes) == "QBWC1039"


def test_our_owner_id_is_a_guid_and_does_not_change() -> None:
    assert OWNER_ID == "{57d6d2bd-84fd-4247-ae0b-8377d453508b}"  # stamped into customers' files: never edit


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "app_name": st.text(max_size=40),
            "user": st.text(max_size=40),
            "description": st.text(max_size=90),
            "app_url": st.text(max_size=30).map("https://".__add__) | st.text(max_size=30),
            "support_url": st.text(max_size=30).map("https://".__add__) | st.text(max_size=30),
            "minutes": st.none() | st.integers(),
        },
    )
)
def test_whatever_is_entered_gives_a_faithful_file_or_a_plain_refusal(changes: dict[str, Any]) -> None:
    try:
        found = elements(**changes)
    except QwcRefused:
        return
    given_values = GOOD | changes
    assert found["AppName"] == given_values["app_name"]
    assert found["UserName"] == given_values["user"]
    assert found["AppURL"] == given_values["app_url"]
