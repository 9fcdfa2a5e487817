"""Interactive mode, after Intuit's own sample; the guide contradicts it, the whole area is unconfirmed (2.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qbwc_server.simulator.connector.visit import Step, UpdateResult, Visit

DECLINED = "The user declined the interactive session."


class Interaction:
    """Asked for by getLastError = "Interactive mode"; whether the user agrees is Options.accept_interactive."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def ask(self) -> Step | UpdateResult:
        visit = self._visit
        if not visit.options.accept_interactive:
            said = visit.call("interactiveRejected", wcTicket=visit.ticket, reason=DECLINED)
            return visit.closing(str(said or DECLINED), ok=False)
        url = visit.call("getInteractiveURL", wcTicket=visit.ticket, sessionID=visit.quickbooks.session)
        visit.messages.append(f"Browser opened: {url or ''}")
        return self.poll

    def poll(self) -> Step | UpdateResult:
        """DONE ends the run, CONTINUE resumes it, an empty reply waits again (U), anything else is an error text."""
        visit = self._visit
        visit.options.wait(visit.options.interactive_seconds)
        unconfirmed = visit.options.unconfirmed
        said = str(visit.call(unconfirmed.interactive_done, wcTicket=visit.ticket) or "")
        if not said:
            return self.poll if unconfirmed.interactive_empty_waits else visit.closing("")
        if said.upper() == "CONTINUE":
            return visit.send_request
        return visit.closing("" if said.upper() == "DONE" else said, ok=said.upper() == "DONE")
