"""The Web Connector of the quick world on a bad line: the simulator's faults of the line, without a line."""

from typing import TYPE_CHECKING, Any

from qbwc_server.sync.posted import Posted
from tests.sync.web_connector import _SOAP_NAMES, Connector, Killed

if TYPE_CHECKING:
    from tests.fire.inside import Inside

OTHER_PC = 2


class BadLine(Connector):
    """`Killed` with a text that begins with before or after: the Web Connector's run is over, and we live on."""

    world: "Inside"
    _replay = ""

    def _call(self, name: str, *arguments: Any) -> Any:
        method = _SOAP_NAMES[name]
        if self._strikes("second_connector", method):
            self.world.play_visit(OTHER_PC)
        if late := self._strikes("delay_call", method):
            self.world.clock.advance(seconds=late["seconds"])
        if self._strikes("drop_before", method) or self._strikes("cut_call", method):
            raise Killed(f"before {method} arrived")
        if name == "receive_response_xml":
            arguments = self._posted(method, *arguments)
        reply = super()._call(name, *arguments)
        if self._strikes("drop_after", method):
            raise Killed(f"after {method} was answered")
        return reply

    def _strikes(self, effect: str, method: str) -> dict[str, Any] | None:
        document = self.seen.sent[-1] if self.seen.sent else ""
        return self.company.faults.take(effect, document, method=method)

    def _posted(
        self, method: str, ticket: str, posted: Posted, hresult: str, message: str
    ) -> tuple[Any, ...]:
        text = self.seen.answers[-1]
        if text and self._strikes("truncate_answer", method):
            posted = Posted.of(text[: len(text) // 2])
        elif self._replay:
            # What a proxy kept arrives once more, when something else is out already.
            super()._call("receive_response_xml", ticket, Posted.of(self._replay), "", "")
            self._replay = ""
        elif text and self._strikes("duplicate_call", method):
            super()._call("receive_response_xml", ticket, Posted.of(text), hresult, message)
            self._replay = text
        return ticket, posted, hresult, message
