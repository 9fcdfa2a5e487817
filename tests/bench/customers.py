"""Invented customers as QuickBooks prints them, the answer that carries them, and what the store must hold of them.

Nothing here uses the product's own codec: what is expected of the store is what was written into the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import cycle, islice
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

# Of qbXML for one customer: 10,000 of them make a SOAP body of 34 MB.
BYTES_EACH = 2568
FIRST = ("Ann", "Björn", "Carla", "Dmitri", "Erin", "Farouk", "Grace", "Hiro", "Ines", "Jamal", "Keiko")
LAST = ("Baker", "Castillo", "Dubois", "Eriksen", "Fischer", "Greenwood", "Huang", "Ivanova", "O'Neil")
TRADES = (
    "& Sons Roofing",
    "Landscaping",
    "Plumbing & Heating",
    "Cabinets",
    "Dental Care",
    "Auto Parts",
    "Cafe",
)
STREETS = ("Harbor View Road", "Industrial Parkway", "Old Mill Lane", "Commerce Street", "Sixth Avenue")
CITIES = (("Bayshore", "CA", "94326"), ("Springfield", "IL", "62701"), ("Burlington", "VT", "05401"))
TERMS = (("80000003-1699990003", "Net 30"), ("80000004-1699990004", "2% 10 Net 30"))
REMARKS = (
    "Wants the invoice by mail and a copy by e-mail. ",
    "Gate code is with the front desk; deliveries before noon only. ",
    "Asked about a maintenance contract for next spring. ",
    "Two sites, one bill: check the purchase order before shipping. ",
)
BEGINNING = datetime(2024, 1, 8, 9, 0)  # noqa: DTZ001 - QuickBooks' wall time
ITERATOR = "{eb05f701-e727-472f-8ade-6753c4f67a46}"


def name_of(number: int) -> str:
    """A name that no other customer has, of at most 41 characters."""
    return f"{LAST[number % len(LAST)]} {TRADES[number % len(TRADES)]} {number:07}"


def list_id(number: int) -> str:
    return f"{0x80000001 + number:X}-{1_700_000_000 + number}"


def modified(number: int) -> datetime:
    """Another second for each customer, all before today."""
    return BEGINNING + timedelta(seconds=number * 37 % 31_536_000)


def edit_sequence(number: int) -> str:
    return str(1_704_722_400 + number)


def phone(number: int) -> str:
    return f"{200 + number % 700}-555-{number % 10_000:04}"


def email(number: int) -> str:
    return f"office.{number}@{LAST[number % len(LAST)].lower().replace(chr(39), '')}.example.com"


def customer(number: int) -> dict[str, Any]:
    """One CustomerRet as element names and texts, in the order of the schema."""
    name, first, last = name_of(number), FIRST[number % len(FIRST)], LAST[number % len(LAST)]
    stamp = f"{modified(number):%Y-%m-%dT%H:%M:%S}-05:00"
    terms_id, terms = TERMS[number % len(TERMS)]
    balance = f"{number * 7919 % 5_000_000 / 100:.2f}"
    shown: dict[str, Any] = {
        "ListID": list_id(number),
        "TimeCreated": f"{BEGINNING:%Y-%m-%dT%H:%M:%S}-05:00",
        "TimeModified": stamp,
        "EditSequence": edit_sequence(number),
        "Name": name,
        "FullName": name,
        "IsActive": "true" if number % 50 else "false",
        "Sublevel": "0",
        "CompanyName": name,
        "Salutation": "Ms." if number % 2 else "Mr.",
        "FirstName": first,
        "LastName": last,
        "JobTitle": "Office manager",
        "BillAddress": _address(number, name),
        "BillAddressBlock": _block(number, name),
        "ShipAddress": _address(number + 1, name),
        "ShipAddressBlock": _block(number + 1, name),
        "Phone": phone(number),
        "AltPhone": phone(number + 11),
        "Fax": phone(number + 23),
        "Email": email(number),
        "Contact": f"{first} {last}",
        "CustomerTypeRef": {"ListID": "80000001-1699990001", "FullName": "Commercial"},
        "TermsRef": {"ListID": terms_id, "FullName": terms},
        "Balance": balance,
        "TotalBalance": balance,
        "SalesTaxCodeRef": {"ListID": "80000001-1699990011", "FullName": "Tax"},
        "ItemSalesTaxRef": {"ListID": "80000002-1699990012", "FullName": "County Tax"},
        "AccountNumber": f"C-{number:07}",
        "CreditLimit": "25000.00",
        "JobStatus": "None",
        "Notes": "",
        "PreferredDeliveryMethod": "Email",
        "DataExtRet": [_extension("Region", CITIES[number % 3][0]), _extension("Route", str(number % 40))],
    }
    missing = BYTES_EACH - len(_written(shown).encode("ascii"))
    return shown | {"Notes": "".join(islice(cycle("".join(REMARKS)), missing)).strip() or "-"}


def _address(number: int, name: str) -> dict[str, str]:
    city, state, code = CITIES[number % len(CITIES)]
    street = f"{number % 9000 + 1} {STREETS[number % len(STREETS)]}"
    return {
        "Addr1": name,
        "Addr2": street,
        "City": city,
        "State": state,
        "PostalCode": code,
        "Country": "USA",
    }


def _block(number: int, name: str) -> dict[str, str]:
    address = _address(number, name)
    last = f"{address['City']}, {address['State']} {address['PostalCode']}"
    return {"Addr1": name, "Addr2": address["Addr2"], "Addr3": last, "Addr4": "USA"}


def _extension(name: str, value: str) -> dict[str, str]:
    return {"OwnerID": "0", "DataExtName": name, "DataExtType": "STR255TYPE", "DataExtValue": value}


def _written(values: Mapping[str, Any]) -> str:
    """As QuickBooks writes it: a line for each element, no indentation, numeric references outside ASCII."""
    lines = _lines("CustomerRet", values)
    return "\n".join(lines).encode("ascii", "xmlcharrefreplace").decode("ascii") + "\n"


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _lines(name, one)
    elif isinstance(value, Mapping):
        yield f"<{name}>"
        for child, inner in value.items():
            yield from _lines(child, inner)
        yield f"</{name}>"
    else:
        yield f"<{name}>{escape(value)}</{name}>"


@cache
def escaped(count: int) -> str:
    """So many customers, ready for the text of a SOAP element; made once, outside every clock."""
    return "".join(escape(_written(customer(number))) for number in range(count))


def answer_of(request: str, count: int) -> str:
    """QuickBooks' answer to a customer query that finds so many, all on one page; escaped for a SOAP element.

    Raises ValueError when the request asks for no customers.
    """
    queries = ElementTree.fromstring(request).findall("QBXMLMsgsRq/CustomerQueryRq")
    if not queries:
        raise ValueError(f"no customers are asked for here: {request[:300]}")
    request_id = queries[0].get("requestID", "")
    head = (
        '<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>\n'
        f'<CustomerQueryRs requestID="{request_id}" statusCode="0" statusSeverity="Info" statusMessage="Status OK" '
        f'retCount="{count}" iteratorRemainingCount="0" iteratorID="{ITERATOR}">\n'
    )
    return escape(head) + escaped(count) + escape("</CustomerQueryRs>\n</QBXMLMsgsRs>\n</QBXML>\n")


def wrong_records(stored: Mapping[str, Mapping[str, Any]], count: int) -> list[str]:
    """What is wrong with the stored customers, by ListID; empty when all are there with every value that was sent."""
    wrong = [f"{one} is not one that was sent" for one in stored.keys() - {list_id(n) for n in range(count)}]
    for number in range(count):
        found = stored.get(list_id(number))
        if found is None:
            wrong.append(f"{list_id(number)} is missing")
        elif (held := frozenset(_leaves(found))) != (sent := _sent(number)):
            wrong.append(f"{list_id(number)} differs in {sorted({path for path, _ in held ^ sent})}")
    return wrong


@cache
def _sent(number: int) -> frozenset[tuple[str, str]]:
    return frozenset(_leaves(customer(number)))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, _plain(path, value)


def _plain(path: str, value: Any) -> str:
    """The text of a leaf; of a moment only its wall time, for QuickBooks' offset is not to be believed."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if path.startswith("/Time"):
        return text[:19]
    return f"{Decimal(text):f}" if isinstance(value, Decimal) else text
