"""The life of a session, held against a second reading of the protocol's diagram (reference 3.1)."""

import pytest

from qbwc_server.soap.states import LIVE, OVER, OutOfOrder, SessionEvent, SessionState, after

# Written down from the diagram, its arrows read from left to right. AUTHED, SENT, DONE, CLOSING and CLOSED have
# their names there; WAIT is waiting, ASKED and ERROR are one state here, for both may only be asked why.
DIAGRAM = """
authed  -> sent     : sendRequestXML gives qbXML
sent    -> authed   : receiveResponseXML gives less than 100
sent    -> done     : receiveResponseXML gives 100
sent    -> asked    : receiveResponseXML gives a negative number
authed  -> waiting  : sendRequestXML gives nothing and getLastError will say NoOp
waiting -> authed   : getLastError gives NoOp
authed  -> asked    : sendRequestXML gives nothing
asked   -> closing  : getLastError gives text
authed  -> authed   : connectionError gives a path
authed  -> closed   : connectionError gives done
"""
EVENT_OF = {
    "sendRequestXML gives qbXML": "request",
    "receiveResponseXML gives less than 100": "more",
    "receiveResponseXML gives 100": "all",
    "receiveResponseXML gives a negative number": "stop",
    "sendRequestXML gives nothing and getLastError will say NoOp": "nothing_yet",
    "getLastError gives NoOp": "noop",
    "sendRequestXML gives nothing": "stop",
    "getLastError gives text": "told",
    "connectionError gives a path": "retry",
    "connectionError gives done": "give_up",
}
# "any state --idle timeout--> ABANDONED"; closeConnection "must succeed" whatever was before (2.10); a newer login
# ends the older session (3.4). What is over already stays over.
BEGUN = ("authed", "sent", "waiting", "asked", "done", "closing")


def expected() -> dict[tuple[str, str], str]:
    moves = {(state, "expire"): "abandoned" for state in BEGUN}
    moves |= {(state, "supersede"): "superseded" for state in BEGUN}
    moves |= {(state, "close"): "closed" for state in (*BEGUN, "closed")}
    for line in DIAGRAM.strip().splitlines():
        arrow, _, what = line.partition(":")
        start, end = (part.strip() for part in arrow.split("->"))
        moves[start, EVENT_OF[what.strip()]] = end
    return moves


EXPECTED = expected()
PAIRS = [(state, event) for state in SessionState for event in SessionEvent]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_each_pair_leads_where_the_protocol_says_or_nowhere(state: SessionState, event: SessionEvent) -> None:
    wanted = EXPECTED.get((state.value, event.value))
    if wanted is None:
        with pytest.raises(OutOfOrder, match=state.value):
            after(state, event)
    else:
        assert after(state.value, event) == wanted


def test_every_event_of_the_protocol_has_its_place() -> None:
    assert {event for _, event in EXPECTED} == {event.value for event in SessionEvent}


def test_a_session_is_either_live_or_over() -> None:
    assert set(LIVE) | set(OVER) == set(SessionState)
    assert not set(LIVE) & set(OVER)
    assert {state.value for state in LIVE} == set(BEGUN)


def test_what_is_over_never_lives_again() -> None:
    ends = {after(state, event) for state in OVER for event in SessionEvent if (state, event) in EXPECTED}
    assert ends <= set(OVER)


def test_an_unknown_state_is_out_of_order_too() -> None:
    with pytest.raises(OutOfOrder):
        after("asleep", SessionEvent.CLOSE)
