"""The life of a link job, held against the design's own words (section 7)."""

import pytest

from qbwc_server.store.job_states import IllegalMove, JobEvent, JobState, after, allowed

DESIGN = """
proposed -> queued | cancelled
queued -> offered | waiting | cancelled
waiting -> queued | blocked | cancelled
blocked -> queued | cancelled
offered -> settled | refused | queued | in_doubt
in_doubt -> settled | refused | queued | needs_person
refused -> queued | cancelled
needs_person -> queued | cancelled
"""
# Beyond the design, each with its reason in the table of moves: a job may be refused or found to be needless when its
# turn comes, before anything left; and asking for a retry of what is queued already asks for nothing.
BEFORE_IT_LEAVES = {("queued", "refused"), ("queued", "settled"), ("queued", "queued")}

# What each event means, whatever the state it meets.
LEADS_TO = {
    "approve": "queued",
    "cancel": "cancelled",
    "offer": "offered",
    "wait": "waiting",
    "block": "blocked",
    "release": "queued",
    "settle": "settled",
    "refuse": "refused",
    "requeue": "queued",
    "doubt": "in_doubt",
    "give_up": "needs_person",
    "retry": "queued",
}


def designed() -> set[tuple[str, str]]:
    lines = [line.split(" -> ") for line in DESIGN.strip().splitlines()]
    return {(start, end) for start, ends in lines for end in ends.split(" | ")}


def reached() -> set[tuple[str, str]]:
    return {(state.value, after(state, event).value) for state in JobState for event in allowed(state)}


def test_the_moves_are_those_of_the_design_and_three_more() -> None:
    assert reached() == designed() | BEFORE_IT_LEAVES


@pytest.mark.parametrize("event", list(JobEvent))
@pytest.mark.parametrize("state", list(JobState))
def test_each_pair_leads_where_its_event_says_or_nowhere(state: JobState, event: JobEvent) -> None:
    end = LEADS_TO[event.value]
    legal = (state.value, end) in designed() | BEFORE_IT_LEAVES
    if event in allowed(state):
        assert legal
        assert after(state.value, event) == end
    else:
        with pytest.raises(IllegalMove, match=state.value):
            after(state, event)


def test_what_is_on_its_way_cannot_be_cancelled() -> None:
    for state in (JobState.OFFERED, JobState.IN_DOUBT):
        assert JobEvent.CANCEL not in allowed(state)
        assert JobEvent.RETRY not in allowed(state)


def test_what_has_ended_stays_so() -> None:
    assert allowed(JobState.SETTLED) == allowed(JobState.CANCELLED) == []


def test_an_unknown_state_is_an_illegal_move_too() -> None:
    with pytest.raises(IllegalMove, match="asleep"):
        after("asleep", JobEvent.CANCEL)
