"""Identities we give to QuickBooks."""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import Final

SET_ID_LENGTH: Final = (
    23  # the longest newMessageSetID that every source agrees on (qbXML semantics, section 1)
)
_SET_ID_BYTES: Final = 10
_NAMESPACE: Final = uuid.UUID("3a1f7c52-9d0e-5b46-8f27-6e0c4d91b835")


def new_set_id() -> str:
    """A newMessageSetID: 80 random bits as 16 characters of base32."""
    return base64.b32encode(secrets.token_bytes(_SET_ID_BYTES)).decode("ascii")


def external_guid(*parts: str) -> str:
    """The ExternalGUID of what the parts name: the same braced GUID for the same parts, whenever it is asked for."""
    name = "".join(f"{len(part)}:{part}" for part in parts)  # lengths keep ("ab", "c") apart from ("a", "bc")
    return f"{{{uuid.uuid5(_NAMESPACE, name)}}}"
