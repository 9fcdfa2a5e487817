"""What a request handler is given and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.iterators import Session
from qbwc_server.simulator.company.statuses import OK, TEXTS, Record
from qbxml import Request


@dataclass(frozen=True)
class Call:
    """One request inside one session."""

    books: Books
    session: Session
    request: Request
    # The qbXML version of the document: it is answered in that version (semantics 1).
    version: str

    @property
    def values(self) -> Mapping[str, Any]:
        return self.request.values

    @property
    def body(self) -> Mapping[str, Any]:
        """What stands inside the aggregate of an Add or Mod: CustomerAddRq -> CustomerAdd."""
        body: Mapping[str, Any] = self.request.values[self.request.name.removesuffix("Rq")]
        return body


@dataclass(frozen=True)
class Reply:
    """A request carried out: its records as (name, values), and what the answer element tells about them."""

    records: tuple[Record, ...] = ()
    code: int = OK
    message: str = TEXTS[OK]
    ret_count: int | None = None
    iterator_id: str | None = None
    iterator_remaining: int | None = None


Handler = Callable[[Call], Reply]
