"""The life of a link job: every legal move, and nothing else. No clock and no database here.

What is not in the table is illegal and fails in one place with one sentence.
"""

from enum import StrEnum


class JobState(StrEnum):
    PROPOSED = "proposed"  # waits for a person's approval (dry run, safety limit, re-creation)
    QUEUED = "queued"
    WAITING = "waiting"  # for a job that must come first
    BLOCKED = "blocked"  # the job it waits for cannot go on
    OFFERED = "offered"
    IN_DOUBT = "in_doubt"  # sent, and no usable answer
    NEEDS_PERSON = "needs_person"
    REFUSED = "refused"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class JobEvent(StrEnum):
    APPROVE = "approve"
    CANCEL = "cancel"
    OFFER = "offer"
    WAIT = "wait"
    BLOCK = "block"
    RELEASE = "release"
    SETTLE = "settle"
    REFUSE = "refuse"
    REQUEUE = "requeue"
    DOUBT = "doubt"
    GIVE_UP = "give_up"
    RETRY = "retry"


class IllegalMove(Exception):
    """An event that a job in its state cannot have."""


S, E = JobState, JobEvent
MOVES: dict[tuple[JobState, JobEvent], JobState] = {
    (S.PROPOSED, E.APPROVE): S.QUEUED,
    (S.PROPOSED, E.RETRY): S.QUEUED,
    (S.PROPOSED, E.CANCEL): S.CANCELLED,
    (S.QUEUED, E.OFFER): S.OFFERED,
    (S.QUEUED, E.WAIT): S.WAITING,
    (S.QUEUED, E.CANCEL): S.CANCELLED,
    # Refused before it left: our own checks found what QuickBooks or the CRM would refuse.
    (S.QUEUED, E.REFUSE): S.REFUSED,
    # Nothing left to write when its turn came.
    (S.QUEUED, E.SETTLE): S.SETTLED,
    (S.QUEUED, E.RETRY): S.QUEUED,
    (S.WAITING, E.RELEASE): S.QUEUED,
    (S.WAITING, E.BLOCK): S.BLOCKED,
    (S.WAITING, E.CANCEL): S.CANCELLED,
    (S.BLOCKED, E.RELEASE): S.QUEUED,
    (S.BLOCKED, E.RETRY): S.QUEUED,
    (S.BLOCKED, E.CANCEL): S.CANCELLED,
    (S.OFFERED, E.SETTLE): S.SETTLED,
    (S.OFFERED, E.REFUSE): S.REFUSED,
    (S.OFFERED, E.REQUEUE): S.QUEUED,
    (S.OFFERED, E.DOUBT): S.IN_DOUBT,
    (S.IN_DOUBT, E.SETTLE): S.SETTLED,
    (S.IN_DOUBT, E.REFUSE): S.REFUSED,
    (S.IN_DOUBT, E.REQUEUE): S.QUEUED,
    (S.IN_DOUBT, E.GIVE_UP): S.NEEDS_PERSON,
    (S.REFUSED, E.RETRY): S.QUEUED,
    (S.REFUSED, E.CANCEL): S.CANCELLED,
    (S.NEEDS_PERSON, E.RETRY): S.QUEUED,
    (S.NEEDS_PERSON, E.CANCEL): S.CANCELLED,
}


def after(state: str, event: JobEvent) -> JobState:
    """The state that follows; raises IllegalMove when there is none."""
    try:
        return MOVES[JobState(state), event]
    except (KeyError, ValueError):
        raise IllegalMove(f"a job that is {state} cannot {event.replace('_', ' ')}") from None


def allowed(state: str) -> list[JobEvent]:
    return [event for (start, event) in MOVES if start == state]
