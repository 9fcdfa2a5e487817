"""Who acts, and when; and the trace that every act leaves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qbwc_server.store import history
from qbwc_server.store.database import Tx


@dataclass(frozen=True)
class By:
    """The person of one action. `actor` is the name that the audit trail shows, `now` aware UTC."""

    actor: str
    now: datetime

    def note(self, tx: Tx, action: str, subject: str, **details: Any) -> None:
        history.note_action(tx, self.now, self.actor, action, subject, **details)
