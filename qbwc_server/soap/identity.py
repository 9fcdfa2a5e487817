"""Is this the right company file? Asked before anything else, for a wrong one must never be read or written.

Proof are the FileID that our .qwc stamped into the file, and the company's name and path, because a copied file
carries the same FileID (design promise 4; Web Connector protocol 4.1).
"""

from dataclasses import dataclass
from typing import Any, BinaryIO

import qbxml
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.store.rows import Company

IDENTITY_REQUESTS = (
    qbxml.Request("HostQueryRq", {}, "host"),
    qbxml.Request("CompanyQueryRq", {"OwnerID": [OWNER_ID]}, "company"),
)


@dataclass(frozen=True)
class FileTold:
    """What the Web Connector says of the open file: strHCPResponse, its path and the country."""

    hcp: str
    path: str
    country: str


@dataclass(frozen=True)
class FileSeen:
    """What the open company file says of itself."""

    file_id: str
    company_name: str
    path: str
    version: str
    product: str
    country: str


@dataclass(frozen=True)
class Verdict:
    """`problem` is a sentence for the person at the Web Connector; "" means that it is the right file."""

    problem: str
    seen: FileSeen


def read_file(hcp: str | BinaryIO, path: str, country: str) -> FileSeen | None:
    """The answers to host and company query; None when they cannot be read or say nothing of a company."""
    try:
        answer = qbxml.read(hcp, encoding="utf-8")
    except qbxml.UnreadableAnswer:
        return None
    rets = {ret.name: ret.values for response in answer.responses for ret in response.rets}
    host, company = rets.get("HostRet"), rets.get("CompanyRet")
    if company is None or host is None:
        return None
    supported = [str(one) for one in host.get("SupportedQBXMLVersion", [])]
    return FileSeen(
        file_id=_file_id(company),
        company_name=str(company.get("CompanyName", "")),
        path=path.strip(),
        version=_version(supported, str(host.get("Country") or country or "US")),
        product=str(host.get("ProductName", "")),
        country=str(host.get("Country", country)),
    )


def _version(supported: list[str], country: str) -> str:
    """The qbXML version to speak; "" when there is none in common."""
    try:
        return qbxml.negotiate(supported, country)
    except ValueError:
        return ""


def _file_id(company: dict[str, Any]) -> str:
    for one in company.get("DataExtRet", []):
        if str(one.get("OwnerID", "")).lower() == OWNER_ID.lower() and one.get("DataExtName") == "FileID":
            return str(one.get("DataExtValue", "")).strip()
    return ""


def judge(company: Company, seen: FileSeen) -> Verdict:
    """Compare what is open with what this connection belongs to."""
    return Verdict(_problem(company, seen), seen)


def _problem(company: Company, seen: FileSeen) -> str:
    if not seen.file_id:
        return (
            f"The company file {_named(seen)} is not registered for {company.name}. "
            "Remove the application in the Web Connector and add its .qwc file again."
        )
    if seen.file_id.lower() != company.file_id.lower():
        return (
            f"Another company file is open: {_named(seen)} does not belong to {company.name}. "
            "Open the right one in QuickBooks and update again."
        )
    if not seen.version:
        return (
            "QuickBooks names no qbXML version that this program knows. QuickBooks 2002 or later is needed."
        )
    if company.pinned_name is None:
        return ""
    moved = [
        f"{what} was {before or 'unknown'} and is {now or 'unknown'}"
        for what, before, now in (
            ("its name", company.pinned_name, seen.company_name),
            ("its place", company.pinned_path or "", seen.path),
        )
        if _differs(before, now)
    ]
    if not moved:
        return ""
    return (
        f"The company file of {company.name} changed: {' and '.join(moved)}. A copy must not be synchronized as "
        f"if it were the original. If this is right, run: qbwc-server company confirm {_quoted(company.name)}"
    )


def _differs(before: str, now: str) -> bool:
    return before.strip().casefold() != now.strip().casefold()


def _named(seen: FileSeen) -> str:
    return f"“{seen.company_name or seen.path or 'without a name'}”"


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
