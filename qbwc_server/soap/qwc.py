"""The .qwc file that a person opens to add a company to the Web Connector.

The Web Connector checks it only on the customer's PC and answers with a bare number. Every rule we know is
checked here, when the file is made, and refused with a sentence and the number it would have been.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit
from xml.sax.saxutils import escape

# Ours in every company file, for ever: it names the application, and private data is kept under it.
OWNER_ID: Final = "{57d6d2bd-84fd-4247-ae0b-8377d453508b}"

MAX_DESCRIPTION: Final = 80
# The name becomes a registry key, which Windows limits.
MAX_NAME: Final = 255

# All four editions: Simple Start, Pro, Premier, Enterprise.
AUTH_FLAGS: Final = "0xF"

_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_HOST = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
# Windows reads 2130706433 and 0x7f.1 as IP addresses too, so the last label decides.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_FORBIDDEN = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_URL_CHARACTERS = re.compile(r"[!-~]+")


class QwcRefused(ValueError):
    """A .qwc file that the Web Connector would not take. `code` is the error it would have shown."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(f"{text} (The Web Connector would say {code}.)")
        self.text = text
        self.code = code


def build_qwc(  # noqa: PLR0913 - a file with that many elements
    *,
    app_name: str,
    app_url: str,
    support_url: str,
    user: str,
    owner_id: str,
    file_id: str,
    description: str,
    minutes: int | None,
) -> str:
    """The file's content, pure ASCII, to be written without a BOM.

    `owner_id` and `file_id` are GUIDs in braces: the application's and the company file's, both issued once.
    `minutes` is the default of the schedule; None leaves it to the person. Raises QwcRefused.
    """
    app = _checked_url("AppURL", app_url, ip_code="QBWC1001")
    support = _checked_url("AppSupport", support_url, ip_code="QBWC1002")
    _check_hosts(app, support)
    return _document(
        {
            "AppName": _checked_name("AppName", app_name, MAX_NAME),
            "AppID": "",
            "AppURL": app_url,
            "AppDescription": _checked_name("AppDescription", description, MAX_DESCRIPTION),
            "AppSupport": support_url,
            "UserName": _checked_name("UserName", user, MAX_NAME),
            "OwnerID": _checked_guid("OwnerID", owner_id),
            "FileID": _checked_guid("FileID", file_id),
            "QBType": "QBFS",
            "Style": "Document",
            "Scheduler": minutes,
            "AuthFlags": AUTH_FLAGS,
            # "true" makes QuickBooks refuse the registration itself, whatever Intuit's guide says.
            "IsReadOnly": "false",
        }
    )


def _document(values: dict[str, str | int | None]) -> str:
    lines = [_line(name, value) for name, value in values.items() if value is not None]
    return "\n".join(['<?xml version="1.0"?>', "<QBWCXML>", *lines, "</QBWCXML>", ""])


def _line(name: str, value: str | int) -> str:
    if isinstance(value, int):
        return f"  <{name}><RunEveryNMinutes>{_checked_minutes(value)}</RunEveryNMinutes></{name}>"
    text = escape(value).encode("ascii", "xmlcharrefreplace").decode()
    return f"  <{name}>{text}</{name}>"


def _checked_url(element: str, url: str, *, ip_code: str) -> SplitResult:
    parts = _split(element, url)
    host = parts.hostname or ""
    if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise QwcRefused(f"{element} has the IP address {host}; it needs a host name.", ip_code)
    if not _HOST.fullmatch(host):
        raise QwcRefused(f"{element} has no valid host name: {url}", "QBWC1039")
    if host == "intuit.com" or host.endswith(".intuit.com"):
        raise QwcRefused(f"{element} must be a page of your own, not one of Intuit's: {url}", "QBWC1000")
    if parts.scheme != "https" and host != "localhost":
        raise QwcRefused(
            f"{element} must begin with https:// (http is for localhost only): {url}", "QBWC1010"
        )
    return parts


def _split(element: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is not a number up to 65535
    except ValueError:
        raise QwcRefused(f"{element} is not a web address: {url}", "QBWC1039") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not _URL_CHARACTERS.fullmatch(url):
        raise QwcRefused(f"{element} is not a web address: {url}", "QBWC1039")
    if "@" in parts.netloc or parts.fragment:
        raise QwcRefused(f"{element} must not hold a user name or a # part: {url}", "QBWC1039")
    return parts


def _check_hosts(app: SplitResult, support: SplitResult) -> None:
    # Only localhost is exempt; how sub-domains are compared is not known, so the hosts must be the same.
    if app.hostname != "localhost" and app.hostname != support.hostname:
        raise QwcRefused(
            f"AppSupport must be on the same host as AppURL: {support.hostname} is not {app.hostname}.",
            "QBWC1000",
        )


def _checked_name(element: str, text: str, limit: int) -> str:
    if not text.strip():
        raise QwcRefused(f"{element} is empty.", "QBWC1039")
    if text != text.strip() or _FORBIDDEN.search(text):
        raise QwcRefused(f"{element} has blanks at an end, line breaks or control characters.", "QBWC1039")
    if len(text) > limit:
        raise QwcRefused(f"{element} has {len(text)} characters; {limit} are allowed.", "QBWC1039")
    if element == "AppName" and "\\" in text:
        raise QwcRefused("AppName must not hold a backslash: it becomes a registry key.", "QBWC1039")
    return text


def _checked_guid(element: str, guid: str) -> str:
    if not _GUID.fullmatch(guid):
        raise QwcRefused(f"{element} must be a GUID in braces, like {OWNER_ID}, not {guid}", "QBWC1039")
    return guid


def _checked_minutes(minutes: int) -> int:
    if minutes < 1:
        raise QwcRefused(f"The schedule needs at least one minute, not {minutes}.", "QBWC1039")
    return minutes
