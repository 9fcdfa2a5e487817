"""The way of one call to the application, and what armed faults do to it there (fault_table.ON_THE_LINE)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.simulator.connector.wire import CallFailed, Service
from qbwc_server.simulator.faults import Faults

BROKEN = "The request was aborted: The connection was closed unexpectedly."
Values = Mapping[str, str | int]


class KilledError(Exception):
    """The Web Connector was killed here: nothing more is called, nothing is tidied up (scenario 12)."""


@dataclass(frozen=True)
class Line:
    """One run's way to its application."""

    service: Service
    faults: Faults
    wait: Callable[[float], None]
    # Lets a second Web Connector begin a run of its own; it is told the name of its computer.
    second: Callable[[str], None]

    def begin(self, method: str, document: str) -> None:
        """What befalls a call before the Web Connector makes it; document is the set that it belongs to."""
        if self._struck("kill_connector_before", method, document):
            raise KilledError(f"The Web Connector was killed before {method}.")
        other = self._struck("second_connector", method, document)
        if other:
            self.second(str(other["computer"]))

    def call(self, method: str, document: str, values: Values) -> Any:
        """The reply, if it comes. Raises CallFailed and KilledError as the line would have it."""
        delayed = self._struck("delay_call", method, document)
        if delayed:
            self.wait(float(delayed["seconds"]))
        if self._struck("drop_before", method, document):
            raise CallFailed(method, BROKEN)
        given = self._cut_answer(method, document, values)
        if self._struck("cut_call", method, document):
            self.service.call_half(method, **given)
            raise CallFailed(method, BROKEN)
        return self._answered(method, document, given)

    def _answered(self, method: str, document: str, values: Values) -> Any:
        reply = self.service.call(method, **values)
        # The set of sendRequestXML is known only now.
        carried = str(reply or "") if method == "sendRequestXML" else document
        if self._struck("duplicate_call", method, carried):
            reply = self.service.call(method, **values)
        if self._struck("drop_after", method, carried):
            raise CallFailed(method, BROKEN)
        if self._struck("kill_connector_after", method, carried):
            raise KilledError(f"The Web Connector was killed while {method} was answered.")
        return reply

    def _cut_answer(self, method: str, document: str, values: Values) -> dict[str, str | int]:
        given = dict(values)
        answer = str(given.get("response", ""))
        if answer and self._struck("truncate_answer", method, document):
            given["response"] = answer[: len(answer) // 2]
        return given

    def _struck(self, fault: str, method: str, document: str) -> dict[str, Any] | None:
        return self.faults.take(fault, document, method=method)
