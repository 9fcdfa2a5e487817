"""What QuickBooks can store of a text: the single-byte Western set.

ISO-8859-1 letters survive both ways. Anything else is a parse failure or comes back as "?" for ever (field
rules of qbXML, "Characters"), so it is replaced before it is sent and the replacement is reported.
"""

import re
import unicodedata
from dataclasses import dataclass

from anyascii import anyascii

# Where anyascii's choice is not what a person would type.
_PLAINER = {"ʻ": "'", "ʼ": "'"}
_FITS = re.compile(r"[\n\t -~\xa0-\xff]*")
# Windows-1252 text that was decoded as Latin-1 has its punctuation among the C1 controls.
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
# Format and control characters and enclosing marks leave no trace that a reader would miss.
_INVISIBLE = frozenset({"Cf", "Cc", "Me"})

# Modifier letters are the apostrophes of Hawaiian and many transliterations.
_WESTERN = ("LATIN ", "MODIFIER LETTER ")


@dataclass(frozen=True)
class Carried:
    """A text that fits Latin-1, the characters it replaced and the ones that have no counterpart."""

    text: str
    replaced: tuple[str, ...]
    removed: tuple[str, ...]


def carry(text: str) -> Carried:
    """The nearest Latin-1 text; letters of other scripts are romanised, emoji are removed."""
    if _FITS.fullmatch(text):
        return Carried(text, (), ())
    composed = unicodedata.normalize("NFC", text.translate(_WINDOWS))
    pieces = [(char, _piece(char)) for char in composed]
    return Carried(
        "".join(piece for _, piece in pieces),
        tuple(dict.fromkeys(char for char, piece in pieces if piece and piece != char)),
        tuple(dict.fromkeys(char for char, piece in pieces if not piece and _is_visible(char))),
    )


def foreign(text: str) -> tuple[str, ...]:
    """The characters that no Latin-1 text stands for: emoji and letters of other scripts.

    Accented Latin letters, typographic punctuation and signs have a plain form that people accept as the
    same name; a machine's romanisation of another script is not that name.
    """
    composed = unicodedata.normalize("NFC", text.translate(_WINDOWS))
    return tuple(dict.fromkeys(char for char in composed if _is_foreign(char)))


def _piece(char: str) -> str:
    if _FITS.fullmatch(char):
        return char
    if _is_pictograph(char) or unicodedata.category(char) == "Cc":
        return ""
    return _PLAINER.get(char) or str(anyascii(char))


def _is_foreign(char: str) -> bool:
    if char <= "\xff" or not _is_visible(char):
        return False
    called = unicodedata.name(unicodedata.normalize("NFKC", char)[0], "")
    if called.startswith("COMBINING "):
        return False
    is_letter = unicodedata.category(char)[0] in "LM"
    return not _piece(char) or (is_letter and not called.startswith(_WESTERN))


def _is_pictograph(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk") and (
        ord(char) >= 0x1F000 or anyascii(char).startswith(":")
    )


def _is_visible(char: str) -> bool:
    variation_selector = "\ufe00" <= char <= "\ufe0f"
    return not variation_selector and unicodedata.category(char) not in _INVISIBLE
