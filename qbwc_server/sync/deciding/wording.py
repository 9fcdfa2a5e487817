"""What a person reads about a decision: names and sentences."""

from qbwc_server.sync.decide import Decision
from qbwc_server.sync.deciding.pair import Sides


def asks(decision: Decision) -> str:
    return f"{sentence(decision.reason)} Approve it to create the record again (job retry), or cancel it."


def label(sides: Sides) -> str:
    """The name by which a person knows the record."""
    name = sides.crm_values.get("Name") or sides.books_values.get("Name")
    record = sides.crm or sides.books
    return str(name or (record.values.get("Name") or record.id if record else ""))


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
