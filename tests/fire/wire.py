"""The Web Connector of the quick world on a bad line: the simulator's faults of the line, without a line."""

from typing import TYPE_CHECKING, Any

from qbwc_server.simulator import CompanyFile
from qbwc_server.sync.posted import Posted
from tests.sync.web_connector import _SOAP_NAMES, Connector, Killed, Visited

if TYPE_CHECKING:
    from tests.fire.inside import Inside

OTHER_PC = 2
# What tells which file is open.
IDENTITY = ("HostQuery", "CompanyQuery", "PreferencesQuery")


def _used(file: CompanyFile) -> dict[str, int]:
    """The requests that a file answered, without those that ask which one it is."""
    return {name: number for name, number in file.counts().items() if name not in IDENTITY}


class BadLine(Connector):
    """`Killed` with a text that begins with before or after: the Web Connector's run is over, and we live on."""

    world: "Inside"
    _replay = ""

    def run(self) -> Visited:
        try:
            return super().run()
        finally:
            if self.company is not self.world.company:
                self._leave_other()

    def _connect(self, path: str) -> str | None:
        """Whatever file is open now, the Web Connector calls us with that one."""
        other = self.world.company.opened_instead()
        if other is not None:
            self.company, self._there = other, _used(other)
        return super()._connect(path)

    def _leave_other(self) -> None:
        """Another file must be as it was, and unread but for the question which one it is."""
        used = _used(self.company)
        if used != self._there:
            self.world.ledger.trespasses.append(f"{self.company.file_name}: {self._there}, then {used}")
        self.company.close()

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
        if self.world.hold and self.world.hold in self.seen.sent[-1]:
            self.world.hold = ""
            self.world.held.append((ticket, text, hresult, message))
            raise Killed(f"before {method} arrived")
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
