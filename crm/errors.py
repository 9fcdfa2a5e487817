"""What can go wrong at a CRM, sorted by what happens next.

    CrmError
     ├── Unavailable       nothing was changed: try again with backoff
     ├── LimitedUntil      nothing was changed: try again after `until`
     ├── UnknownOutcome    a write went out and no answer came: look at the record, then decide
     ├── LoginExpired      inside a gateway only: log in again once, repeat the call
     ├── LoginFailed       a person corrects the credentials; the organisation stops until then
     ├── Misconfigured     a person corrects the set-up (field, permission, address); the same
     ├── Rejected          this record's data: show it to a person, go on with the others
     │    └── Duplicate    a unique value is taken: look at `existing_id`, perhaps link to it
     ├── Missing           the record is gone: drop or re-decide the link
     ├── Ambiguous         several records hold one key: a person chooses
     └── Stale             the record moved since it was read: read again, decide again

Gateways turn a vendor's codes into these through tables and keep the code. Catch the leaf you can act
on; catch CrmError only at an edge (task, view, command).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar


class CrmError(Exception):
    """Anything a CRM, or the way to it, refuses.

    `text` is a sentence for the operator: what happened, to which record, what to do. `code` is the
    vendor's own (empty when there is none), `record` an id where one is known, `fields` the field names
    the vendor blamed.
    """

    next_step: ClassVar[str] = "A person looks at the message."

    def __init__(self, text: str, *, code: str = "", record: str = "", fields: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.record = record
        self.fields = tuple(fields)

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]" if self.code and self.code not in self.text else self.text


class Unavailable(CrmError):
    """The CRM was not reachable, busy, or rolled the call back. Nothing was changed."""

    next_step = "The call is repeated with growing pauses."


class LimitedUntil(CrmError):
    """A quota is used up. `until` is aware UTC, or None where the CRM does not say when it ends."""

    next_step = "Everything for this organisation waits until the quota allows calls again."

    def __init__(
        self,
        text: str,
        *,
        until: datetime | None = None,
        code: str = "",
        record: str = "",
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(text, code=code, record=record, fields=fields)
        self.until = until


class UnknownOutcome(CrmError):
    """A write was sent and its answer never arrived: it may have happened or not."""

    next_step = "The record is looked up before anything is written again."


class LoginExpired(CrmError):
    """The session ended. A gateway handles this itself; it never leaves one."""

    next_step = "The gateway logs in again once and repeats the call."


class LoginFailed(CrmError):
    """The CRM does not accept the credentials, or does not accept what it issued for them."""

    next_step = "A person corrects the credentials; until then the organisation stands still."


class Misconfigured(CrmError):
    """The CRM or the profile is set up so that the call cannot work: field, permission, address, version."""

    next_step = "A person corrects the set-up named in the message; until then the organisation stands still."


class Rejected(CrmError):
    """The CRM refuses this record's data."""

    next_step = "The record is shown as an error; the others go on."


class Duplicate(Rejected):
    """A value that must be unique is already held by another record, `existing_id` where the CRM names it."""

    next_step = "The existing record is looked up and offered for linking."

    def __init__(
        self,
        text: str,
        *,
        existing_id: str | None = None,
        code: str = "",
        record: str = "",
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(text, code=code, record=record, fields=fields)
        self.existing_id = existing_id


class Missing(CrmError):
    """The record does not exist any more, or is not visible to the integration user."""

    next_step = "The link is decided again without this record."


class Ambiguous(CrmError):
    """Several records hold the same key; nothing was written."""

    next_step = "A person chooses one record or removes the double."


class Stale(CrmError):
    """The record moved since the version that the write was based on; nothing was written."""

    next_step = "The record is read again and decided again."
