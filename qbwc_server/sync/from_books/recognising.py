"""Telling the answer to what is out from an answer to something else, before anything is made of it."""

from collections.abc import Collection

import qbxml
from qbwc_server.sync.posted import Posted


def is_answer_to(response: Posted, set_id: str, request_ids: Collection[str | None]) -> bool:
    """Whether a response belongs to the request that is out; one without any id is taken to.

    HTTP stacks may post an answer twice, and the second must not be taken for the answer to the next request
    (protocol 8, replay). `set_id` is "" and `request_ids` empty where anything is let through.
    """
    seen_set, seen_request = _first_ids(response)
    if seen_set is not None and set_id:
        return seen_set == set_id
    return seen_request is None or not request_ids or seen_request in request_ids


def _first_ids(response: Posted) -> tuple[str | None, str | None]:
    """(message set id, first requestID) of a response, as far as it can be read."""
    set_id = None
    try:
        for item in qbxml.parse(response.open(), encoding="utf-8"):
            if isinstance(item, qbxml.SetStatus):
                set_id = item.new_message_set_id
            elif isinstance(item, qbxml.Status):
                return set_id, item.request_id
    except qbxml.UnreadableAnswer:
        pass
    return set_id, None
