"""What failed is tried again later and later, not all at once, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import Unavailable
from qbwc_server.simulator.faults import FOR_EVER
from qbwc_server.sync.person import By
from qbwc_server.sync.person.jobs import retry
from qbwc_server.sync.retrying import AWAY, LOCKED, LOGIN, POLICIES, Policy, next_try
from tests.sync.world import World

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
policies = st.sampled_from(POLICIES)
failures = st.integers(min_value=1, max_value=100)


@given(policies, failures, st.text(max_size=40))
def test_a_pause_is_that_of_the_table_give_or_take_a_fifth(policy: Policy, failed: int, key: str) -> None:
    moment = next_try(policy, failed, NOW, key)
    if policy.most is not None and failed >= policy.most:
        assert moment is None
        return
    assert moment is not None
    pause = policy.pauses[min(failed, len(policy.pauses)) - 1]
    assert pause * 0.8 <= moment - NOW <= pause * 1.2
    assert moment == next_try(policy, failed, NOW, key)


def test_what_failed_together_is_not_tried_together() -> None:
    moments = {next_try(LOCKED, 1, NOW, f"job-{number}") for number in range(50)}
    assert len(moments) > 40


@pytest.mark.parametrize("policy", POLICIES)
def test_pauses_never_become_shorter(policy: Policy) -> None:
    assert list(policy.pauses) == sorted(policy.pauses)


def test_only_what_no_record_is_guilty_of_goes_on_for_ever() -> None:
    assert {one.trouble for one in POLICIES if one.most is None} == {AWAY.trouble, LOGIN.trouble}


def test_a_lock_is_tried_again_with_growing_pauses_and_then_waits_for_a_person(world: World) -> None:
    world.sync()
    account = world.account("Ann's Bakery", promoted=True)
    world.company.faults.arm("answer_status", times=FOR_EVER, request="CustomerAddRq", code=3175)
    pauses = []
    for _ in range(400):
        world.clock.advance(minutes=5)
        world.sync()
        [job] = world.jobs(side="books")
        if job.state != "queued":
            break
        pauses.append(job.due_at - job.changed_at)
    assert job.state == "refused"
    assert job.attempts == 24
    assert max(pauses) > timedelta(minutes=45) > timedelta(minutes=10) > min(pauses)
    status, text = world.status(account)
    assert status == "Error"
    assert "24 times" in text
    world.company.faults.clear()
    with world.database.write() as tx:
        retry(tx, By("ann", world.clock()), job.id)
    world.quiet()
    assert world.status(account) == ("Success", None)


def test_a_crm_that_is_away_is_asked_less_and_less_but_never_given_up(world: World) -> None:
    world.line.trouble = Unavailable("The CRM does not answer.")
    waits = []
    for _ in range(8):
        world.poll()
        retry_at = world.organisation().retry_at
        assert retry_at is not None
        waits.append(retry_at - world.clock())
        world.clock.now = retry_at
    assert waits[0] < timedelta(minutes=1)
    assert all(timedelta(minutes=45) < one < timedelta(minutes=75) for one in waits[4:])
    world.line.trouble = None
    world.poll()
    assert world.organisation().retry_at is None
