"""The life of a Web Connector session: every legal move, from the protocol's own state machine (3.1).

No clock and no database here; what is not in the table means that messages were lost.
"""

from enum import StrEnum


class SessionState(StrEnum):
    AUTHED = "authed"  # may be asked for the next request
    SENT = "sent"  # a request is out, its answer is due
    WAITING = "waiting"  # "" was answered; getLastError will say NoOp
    ASKED = "asked"  # "" or a negative number was answered; getLastError will say why
    DONE = "done"  # 100 was answered
    CLOSING = "closing"  # the reason was told
    CLOSED = "closed"
    SUPERSEDED = "superseded"  # a newer login took over
    ABANDONED = "abandoned"  # idle for too long


class SessionEvent(StrEnum):
    REQUEST = "request"  # sendRequestXML answered with qbXML
    NOTHING_YET = "nothing_yet"  # sendRequestXML answered with "", to be asked again
    STOP = "stop"  # sendRequestXML answered with "", for good; or receiveResponseXML with a negative number
    MORE = "more"  # receiveResponseXML answered with less than 100
    ALL = "all"  # receiveResponseXML answered with 100
    TOLD = "told"  # getLastError answered with a sentence
    NOOP = "noop"  # getLastError answered with NoOp
    RETRY = "retry"  # connectionError answered with a path
    GIVE_UP = "give_up"  # connectionError answered with done
    CLOSE = "close"
    SUPERSEDE = "supersede"
    EXPIRE = "expire"


S, E = SessionState, SessionEvent
MOVES: dict[tuple[SessionState, SessionEvent], SessionState] = {
    (S.AUTHED, E.REQUEST): S.SENT,
    (S.AUTHED, E.NOTHING_YET): S.WAITING,
    (S.AUTHED, E.STOP): S.ASKED,
    (S.AUTHED, E.RETRY): S.AUTHED,
    (S.AUTHED, E.GIVE_UP): S.CLOSED,
    (S.SENT, E.MORE): S.AUTHED,
    (S.SENT, E.ALL): S.DONE,
    (S.SENT, E.STOP): S.ASKED,
    (S.WAITING, E.NOOP): S.AUTHED,
    (S.ASKED, E.TOLD): S.CLOSING,
    **{(state, E.CLOSE): S.CLOSED for state in S if state not in (S.SUPERSEDED, S.ABANDONED)},
    **{
        (state, E.SUPERSEDE): S.SUPERSEDED
        for state in (S.AUTHED, S.SENT, S.WAITING, S.ASKED, S.DONE, S.CLOSING)
    },
    **{(state, E.EXPIRE): S.ABANDONED for state in (S.AUTHED, S.SENT, S.WAITING, S.ASKED, S.DONE, S.CLOSING)},
}

LIVE = (S.AUTHED, S.SENT, S.WAITING, S.ASKED, S.DONE, S.CLOSING)
OVER = (S.CLOSED, S.SUPERSEDED, S.ABANDONED)


class OutOfOrder(Exception):
    """A call that its session's state does not allow: messages were lost on the way."""


def after(state: str, event: SessionEvent) -> SessionState:
    """The state that follows; raises OutOfOrder when there is none."""
    try:
        return MOVES[SessionState(state), event]
    except (KeyError, ValueError):
        raise OutOfOrder(f"a session that is {state} cannot have {event}") from None
