"""Small word lists for companies, people and places that look real and belong to nobody."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from anyascii import anyascii

# fmt: off
_FIRST = (
    "Ana", "Beth", "Carlos", "Dana", "Élodie", "Frank", "Grace", "Hugo", "Inés", "Jürgen", "Karen", "Luis",
    "Maya", "Noël", "Olga", "Priya", "Ruth", "Søren", "Tom", "Zoë",
)
_LAST = (
    "Abbott", "Becker", "Castañeda", "Dufour", "Ellis", "Fernández", "Grünwald", "Hansen", "Iverson",
    "Jimenez", "Kowalski", "Lindqvist", "Müller", "Núñez", "O'Brien", "Patel", "Quesnel", "Rossi", "Schröder",
    "Whitfield",
)
_TRADES = (
    "Plumbing", "Bakery", "Roofing", "Landscaping", "Dental Supply", "Print Shop", "Auto Parts", "Café",
    "Electric", "Interiors", "Freight", "Stoneworks", "Garden Center", "Cabinetry", "Security", "Brewing",
)
_FORMS = ("Inc.", "LLC", "& Sons", "Co.", "Group", "Partners")
_STREETS = (
    "Main St", "Oak Avenue", "Harbor Blvd", "County Road 12", "Peachtree Ln", "5th Street NW", "Río Grande Dr",
)
_SECOND_LINES = ("Suite 200", "Building C", "Unit 7", "2nd Floor", "Attn: Accounts Payable", "PO Box 418")
_PLACES = (
    ("Bayshore", "CA", "94326"), ("Middlefield", "CA", "94482"), ("Tucson", "AZ", "85701"),
    ("Española", "NM", "87532"), ("Cañon City", "CO", "81212"), ("Springfield", "IL", "62701"),
    ("Albany", "NY", "12207"), ("Coeur d'Alene", "ID", "83814"), ("Savannah", "GA", "31401"),
)
# fmt: on


@dataclass(frozen=True)
class Person:
    first: str
    last: str

    def email(self, domain: str) -> str:
        return f"{_plain(self.first)}.{_plain(self.last)}@{domain}"


@dataclass(frozen=True)
class Address:
    street: str
    city: str
    state: str
    postal_code: str


@dataclass(frozen=True)
class Company:
    name: str
    number: str
    phone: str
    domain: str
    address: Address
    ships_there: bool
    person: Person


def companies(count: int, chance: random.Random) -> Iterator[Company]:
    """So many different companies; the same ones for the same state of `chance`."""
    names: set[str] = set()
    for place in range(count):
        name = _name(chance)
        if name in names:
            name = f"{name} {place + 1}"
        names.add(name)
        yield _company(name, place + 1, chance)


def _name(chance: random.Random) -> str:
    return f"{chance.choice(_LAST)} {chance.choice(_TRADES)} {chance.choice(_FORMS)}"


def _company(name: str, number: int, chance: random.Random) -> Company:
    return Company(
        name,
        f"A-{number:05d}",
        f"({chance.randrange(201, 990)}) 555-{chance.randrange(100, 200):04d}",
        f"{_plain(name)}.example",
        _address(chance),
        chance.random() < 0.5,
        Person(chance.choice(_FIRST), chance.choice(_LAST)),
    )


def _address(chance: random.Random) -> Address:
    lines = [f"{chance.randrange(1, 9800)} {chance.choice(_STREETS)}"]
    lines += chance.sample(_SECOND_LINES, chance.choice((0, 0, 1, 1, 2)))
    return Address("\n".join(lines), *chance.choice(_PLACES))


def _plain(text: str) -> str:
    """Letters and digits for an e-mail address or a domain."""
    return "".join(letter for letter in anyascii(text).lower() if letter.isalnum())
