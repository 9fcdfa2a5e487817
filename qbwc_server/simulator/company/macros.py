"""Names for records of the same set: defMacro on an Add, useMacro in a later request (semantics 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qbwc_server.simulator.company.statuses import MACRO, Refusal
from qbxml import Request

if TYPE_CHECKING:
    from qbwc_server.simulator.company.calls import Reply

DEFINE, USE = "@defMacro", "@useMacro"


@dataclass
class Macros:
    """Those of one message set (of a session, by the rule "macro_scope"): "TxnID:name" -> the ID of what was made."""

    known: dict[str, str] = field(default_factory=dict)

    def used(self, request: Request) -> Request:
        """The request with IDs in the place of macros; Refusal 9100 for one that is not defined."""
        return replace(request, values={name: self._resolved(one) for name, one in request.values.items()})

    def define(self, request: Request, reply: Reply) -> None:
        """Remembers the ID of the first record, when the Add gives it a name."""
        body = request.values.get(request.name.removesuffix("Rq"))
        name = body.get(DEFINE, "") if isinstance(body, Mapping) else ""
        if name and reply.records:
            self.known[name] = str(reply.records[0][1].get(name.partition(":")[0], ""))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        if USE in value:
            if value[USE] not in self.known:
                raise Refusal(MACRO, value[USE])
            return self.known[value[USE]]
        return {name: self._resolved(one) for name, one in value.items()}
