"""Which characters QuickBooks keeps."""

from __future__ import annotations

import re

# Tab, line feed, carriage return, printable ASCII and the printable part of ISO-8859-1. Other characters
# either are no XML (controls below 0x20), or come back as "?" for ever when sent as references (qbXML
# semantics, section 5).
_LOST = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\xff]")


def lost_characters(text: str) -> str:
    """The characters of a text that QuickBooks cannot keep, each once, in order."""
    if text.isascii() and text.isprintable():
        return ""
    return "".join(dict.fromkeys(_LOST.findall(text)))


def spell(characters: str) -> str:
    """Characters for a message: "ł (U+0142)"."""
    return ", ".join(f"{c if c.isprintable() else '?'} (U+{ord(c):04X})" for c in characters[:5])
