"""The .qwc file: what it must hold, and the checks the Web Connector makes when it is added (sections 5 and 7)."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from lxml import etree

from qbwc_server.simulator.connector.envelope import Style
from qbwc_server.simulator.errors import SimulatorError

REQUIRED = (
    "AppName",
    "AppID",
    "AppURL",
    "AppDescription",
    "AppSupport",
    "UserName",
    "OwnerID",
    "FileID",
    "QBType",
)
MAY_BE_EMPTY = ("AppID",)
GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
SCHEDULES = {"RunEveryNMinutes": 60, "RunEveryNSeconds": 1}
# Bits of AuthFlags (5.1); 0 means every edition.
EDITION_FLAGS = {"Simple Start": 1, "Pro": 2, "Premier": 4, "Enterprise": 8}
NO_EDITION_LIMIT = 0
# The exact difference of DocWrapped, made for Axis servers, is not known (2.12): it is sent like Document.
STYLES: Mapping[str, Style] = {"Document": "Document", "DocWrapped": "Document", "RPC": "RPC"}


@dataclass(frozen=True)
class Qwc:
    """One .qwc file, read."""

    app_name: str
    app_id: str
    app_url: str
    app_description: str
    app_support: str
    user_name: str
    # Braced GUID of the application: the name space of its private data in company files.
    owner_id: str
    # Braced GUID of this customer's company file, stamped into it.
    file_id: str
    cert_url: str = ""
    app_unique_name: str = ""
    # Seconds between two automatic runs, None = manual until the user sets it.
    run_every: int | None = None
    auth_flags: int = NO_EDITION_LIMIT
    is_read_only: bool = False
    style: Style = "Document"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**values)

    @property
    def registered_name(self) -> str:
        """The key of the registration: AppUniqueName wins over AppName (5.1)."""
        return self.app_unique_name or self.app_name

    def allows(self, edition: str) -> bool:
        return self.auth_flags == NO_EDITION_LIMIT or bool(self.auth_flags & EDITION_FLAGS.get(edition, 0))


def read(source: bytes, *, refuses_bom: bool = True) -> Qwc:
    """Reads a .qwc file; raises SimulatorError with QBWC1039 for every missing or wrong element at once."""
    values, schedule = _elements(_root(source, refuses_bom=refuses_bom))
    problems = [*_missing(values), *_malformed(values)]
    if problems:
        raise SimulatorError("The application could not be added. " + " ".join(problems), "QBWC1039")
    return Qwc(
        app_name=values["AppName"],
        app_id=values["AppID"],
        app_url=values["AppURL"],
        app_description=values["AppDescription"],
        app_support=values["AppSupport"],
        user_name=values["UserName"],
        owner_id=values["OwnerID"],
        file_id=values["FileID"],
        cert_url=values.get("CertURL", ""),
        app_unique_name=values.get("AppUniqueName", ""),
        run_every=schedule,
        auth_flags=int(values.get("AuthFlags", "") or "0x0", 16),
        is_read_only=values.get("IsReadOnly", "").lower() == "true",
        style=STYLES.get(values.get("Style", ""), "Document"),
    )


def _root(source: bytes, *, refuses_bom: bool) -> etree._Element:
    if refuses_bom and source.startswith(b"\xef\xbb\xbf"):
        raise SimulatorError(
            "The .qwc file begins with a byte order mark. Save it as plain UTF-8.", "QBWC1039"
        )
    try:
        root = etree.fromstring(source, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise SimulatorError(f"The .qwc file is not well-formed XML: {error.msg}.", "QBWC1039") from error
    if root.tag != "QBWCXML":
        raise SimulatorError(
            f"The root element of a .qwc file is QBWCXML, this one is {root.tag}.", "QBWC1039"
        )
    return root


def _elements(root: etree._Element) -> tuple[dict[str, str], int | None]:
    values = {str(child.tag): (child.text or "").strip() for child in root.iterchildren("*")}
    scheduler = root.find("Scheduler")
    first = None if scheduler is None else next(iter(scheduler.iterchildren(*SCHEDULES)), None)
    if first is None or not (first.text or "").strip().isdigit():
        return values, None
    return values, int(first.text or "0") * SCHEDULES[str(first.tag)]


def _missing(values: Mapping[str, str]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in values or not (values[name] or name in MAY_BE_EMPTY):
            yield f"{name} is missing."


def _malformed(values: Mapping[str, str]) -> Iterator[str]:
    for name, (is_right, sentence) in _RULES.items():
        if values.get(name) and not is_right(values[name]):
            yield f"{name} is {values[name]!r}: {sentence}."


_RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    "OwnerID": (lambda text: GUID.fullmatch(text) is not None, "it must be a GUID in braces"),
    "FileID": (lambda text: GUID.fullmatch(text) is not None, "it must be a GUID in braces"),
    "QBType": (lambda text: text == "QBFS", "only QBFS (QuickBooks) is simulated, not QBPOS"),
    "Style": (lambda text: text in STYLES, f"it is one of {', '.join(STYLES)}"),
    "UnattendedModePref": (
        lambda text: text in ("umpRequired", "umpOptional"),
        "it is umpRequired or umpOptional",
    ),
    "PersonalDataPref": (
        lambda text: text in ("pdpNotNeeded", "pdpOptional", "pdpRequired"),
        "it is pdpNotNeeded, pdpOptional or pdpRequired",
    ),
    "AuthFlags": (
        lambda text: re.fullmatch(r"0x[0-9A-Fa-f]+", text) is not None,
        "it must be hexadecimal, as 0xF",
    ),
    "IsReadOnly": (lambda text: text.lower() in ("true", "false"), "it must be true or false"),
}


def check_addresses(qwc: Qwc, *, same_host_only: bool = True) -> None:
    """The checks of host names and schemes, before anything is fetched; raises SimulatorError with their codes."""
    url, support = urlsplit(qwc.app_url), urlsplit(qwc.app_support)
    if _is_ip_address(url.hostname):
        raise SimulatorError(
            f"AppURL {qwc.app_url} names an IP address. Use a host name (or localhost).", "QBWC1001"
        )
    if _is_ip_address(support.hostname):
        raise SimulatorError(
            f"AppSupport {qwc.app_support} names an IP address. Use a host name.", "QBWC1002"
        )
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname == "localhost"):
        raise SimulatorError(
            f"AppURL {qwc.app_url} must use https; http is allowed for localhost only.", "QBWC1010"
        )
    if url.hostname != "localhost" and not _same_domain(url.hostname, support.hostname, same_host_only):
        raise SimulatorError(
            f"AppURL and AppSupport are on different hosts ({url.hostname}, {support.hostname}).", "QBWC1000"
        )


def _same_domain(one: str | None, other: str | None, same_host_only: bool) -> bool:
    """How sub-domains are compared is unconfirmed (5.1)."""
    labels = slice(0 if same_host_only else -2, None)
    return (one or "").split(".")[labels] == (other or "").split(".")[labels]


def _is_ip_address(host: str | None) -> bool:
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True
