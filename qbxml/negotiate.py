"""Choose the qbXML version to speak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from qbxml.tables import NEWEST, version_of

KNOWN: Final = (
    *("1.0", "1.1", "2.0", "2.1", "3.0", "4.0", "4.1", "5.0", "6.0"),
    *("7.0", "8.0", "9.0", "10.0", "11.0", "12.0", "13.0"),
)


def negotiate(supported: Iterable[str], country: str = "US") -> str:
    """The highest version that QuickBooks supports and our tables know: never above 13.0.

    `supported` is SupportedQBXMLVersion of a HostRet; old regional products write their country before the
    number ("CA3.0"), which counts only for that `country`. Raises ValueError when nothing is left.
    """
    numbers = {_number(text.strip(), country) for text in supported}
    common = [text for text in KNOWN if text in numbers]
    if any(number and version_of(number) > NEWEST for number in numbers):
        common.append(KNOWN[-1])  # every QuickBooks accepts all older versions
    if not common:
        raise ValueError(
            "QuickBooks and this program have no qbXML version in common; QuickBooks 2002 or later is needed"
        )
    return common[-1]


def _number(text: str, country: str) -> str:
    bare = text.removeprefix(country) if country != "US" else text
    major, _, minor = bare.partition(".")
    return f"{int(major)}.{int(minor or 0)}" if major.isdigit() and (minor or "0").isdigit() else ""
