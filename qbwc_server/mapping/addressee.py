"""The name that stands above the street in a QuickBooks address.

QuickBooks prints an address as it is stored, so its first line or two are the customer's own name ("Kristy
Abercrombie", "5647 Cypress Hill Rd"); a CRM keeps the name apart from the street. Read as street, that line
would differ from the CRM for nearly every customer; written without it, an invoice would go out with no name
above the street. So names are taken off when an address is read, and kept, renamed or put on when one is
written. Which names count is data: `KindMap.addressee`, each a combination of fields, the first of which
heads a new address.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Nested = Mapping[str, Any]

# Addr1 to Addr5 (field rules of qbXML, "Lengths"); a longer name is left off rather than cut.
LINE_LENGTH = 41

# "FirstName LastName": the fields whose values, joined by a space, make one name.
Names = Mapping[str, str]


def names_of(addressee: Sequence[str], values: Nested) -> Names:
    """The names an object goes by, in the profile's order; a name with a missing part is no name."""
    made = {name: [_text(values.get(field)) for field in name.split()] for name in addressee}
    return {name: " ".join(parts) for name, parts in made.items() if all(parts)}


def split(lines: Sequence[str], names: Names) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names at the top of an address as keys of `names`, and the street below them.

    Each name counts once, so a street that repeats a name keeps it.
    """
    keys = {name.casefold(): key for key, name in reversed(tuple(names.items()))}
    found: list[str] = []
    for line in lines:
        key = keys.pop(" ".join(line.split()).casefold(), None)
        if key is None:
            break
        found.append(key)
    return tuple(found), tuple(lines[len(found) :])


def headed(street: Sequence[str], heading: Sequence[str], names: Names, room: int) -> tuple[str, ...]:
    """The street under its names; a street that needs all the room there is goes without them."""
    if split(street, names)[0]:
        return tuple(street)
    fitting = [names[key] for key in heading if len(names.get(key, "")) in range(1, LINE_LENGTH + 1)]
    # Two headings may have become the same text; a second copy would be read back as a part of the street.
    above = list({name.casefold(): name for name in fitting}.values())
    return (*above[: max(room - len(street), 0)], *street)


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
