"""The background: one worker leads, polls when it is due, backs off when the CRM fails, and sweeps up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from crm.errors import LimitedUntil, LoginFailed, Unavailable
from qbwc_server.store import history, parties, visits
from qbwc_server.store.rows import ConnectionRow, Organisation
from qbwc_server.worker import tasks
from qbwc_server.worker.embedded import LEASE, Embedded
from tests.sync.world import Killed, World

Build = Callable[..., World]


def worker(world: World, holder: str = "") -> Embedded:
    made = Embedded(world.background, world.sessions.expire_idle)
    made.holder = holder or made.holder
    return made


def runs(world: World) -> list[str]:
    with world.database.read() as tx:
        return [run.kind for run in history.recent_runs(tx)]


# --- who leads ---


def test_of_two_workers_one_leads_and_the_other_waits(world: World) -> None:
    first, second = worker(world, "first"), worker(world, "second")
    first.hold_lease()
    second.hold_lease()
    assert (first.leading, second.leading) == (True, False)
    world.account("Ann's Bakery")
    second.tick()
    assert world.organisation().polled_at is None
    first.tick()
    assert world.organisation().polled_at is not None


def test_a_worker_that_goes_on_holding_its_lease_keeps_it(world: World) -> None:
    first, second = worker(world, "first"), worker(world, "second")
    for _ in range(5):
        first.hold_lease()
        second.hold_lease()
        world.clock.advance(seconds=LEASE.total_seconds() - 1)
    assert (first.leading, second.leading) == (True, False)


def test_when_the_leader_falls_silent_the_other_takes_over_with_what_it_left(world: World) -> None:
    world.sync()
    world.customer("Joe's Diner", LastName="Doe")
    world.visit()
    first, second = worker(world, "first"), worker(world, "second")
    first.hold_lease()
    world.line.kill_after.append("create account")
    with pytest.raises(Killed):
        first.tick()
    assert [job.state for job in world.jobs(side="crm")] == ["offered"]
    world.clock.advance(seconds=LEASE.total_seconds() + 1)
    second.hold_lease()
    assert second.leading
    assert [job.state for job in world.jobs(side="crm")] == ["queued"]
    second.tick()
    assert world.names_in_crm() == ["Joe's Diner"]
    first.hold_lease()
    assert not first.leading


def test_a_worker_that_stops_frees_its_lease_at_once(world: World) -> None:
    first, second = worker(world, "first"), worker(world, "second")
    first.start()
    assert first.leading
    first.stop()
    second.hold_lease()
    assert second.leading


def test_only_a_living_leader_makes_visits_wait_for_the_crm(world: World) -> None:
    world.sync()
    leader = worker(world)
    leader.hold_lease()
    world.clock.advance(seconds=LEASE.total_seconds() + 2)
    assert "getLastError" not in world.visit().calls
    leader.hold_lease()
    assert "getLastError" in world.visit().calls


def test_a_visit_with_a_worker_takes_the_crms_newest_change_along(world: World) -> None:
    world.sync()
    account = world.account("Ann's Bakery", promoted=True)
    seen = world.visit(worker=True)
    assert seen.ok
    assert world.names_in_books() == ["Ann's Bakery"]
    world.deliver()
    assert world.status(account) == ("Success", None)


def test_a_visit_waits_for_the_crm_within_bounds(world: World) -> None:
    world.sync()
    account = world.account("Ann's Bakery", promoted=True)
    began = world.clock()
    world._hold_lease()
    seen = world.visit()  # a worker holds the lease and does nothing
    assert seen.ok
    assert timedelta(seconds=30) < world.clock() - began < timedelta(minutes=3)
    assert world.status(account)[0] == "To be Linked"


# --- when to poll ---


def test_an_organisation_is_polled_at_first_and_then_after_its_interval(world: World) -> None:
    assert tasks.poll_due(world.background, "org")
    world.poll()
    assert not tasks.poll_due(world.background, "org")
    world.clock.advance(seconds=world.background.poll_every.total_seconds() - 2)
    assert not tasks.poll_due(world.background, "org")
    world.clock.advance(seconds=3)
    assert tasks.poll_due(world.background, "org")


def test_a_visit_or_a_person_has_it_polled_at_once(world: World) -> None:
    world.poll()
    world.clock.advance(seconds=5)
    with world.database.write() as tx:
        parties.want_poll(tx, "co", world.clock())
    assert tasks.poll_due(world.background, "org")
    world.poll()
    assert not tasks.poll_due(world.background, "org")


def test_what_changes_while_a_poll_runs_is_wanted_again(world: World) -> None:
    world.poll()

    def want() -> None:
        world.clock.advance(seconds=1)
        with world.database.write() as tx:
            parties.want_poll(tx, "co", world.clock())

    world.line.before["changed_since"] = [want]
    world.poll()
    assert tasks.poll_due(world.background, "org")


def test_an_organisation_without_a_connection_is_left_in_peace(world: World) -> None:
    assert not tasks.poll_due(world.background, "nobody")
    add_organisation(world, "lonely", connected=False)
    assert not tasks.poll_due(world.background, "lonely")


def test_an_idle_tick_leaves_no_trace(world: World) -> None:
    world.sync(2)
    before = runs(world)
    leader = worker(world)
    leader.hold_lease()
    for _ in range(5):
        world.clock.advance(minutes=6)
        leader.hold_lease()
        leader.tick()
    assert runs(world) == before


# --- trouble ---


def test_pauses_grow_with_every_failure_and_end_with_the_first_success(world: World) -> None:
    world.line.trouble = Unavailable("The CRM is down.")
    pauses = []
    for _ in range(6):
        world.poll()
        retry_at = world.organisation().retry_at
        assert retry_at is not None
        pauses.append((retry_at - world.clock()).total_seconds())
        assert not tasks.poll_due(world.background, "org")
        world.clock.now = retry_at
        assert tasks.poll_due(world.background, "org")
    # A fifth earlier or later, so that organisations do not return in step.
    assert pauses == pytest.approx([30, 120, 600, 3600, 3600, 3600], rel=0.2)
    world.line.trouble = None
    world.poll()
    one = world.organisation()
    assert (one.failures, one.retry_at, one.poll_error) == (0, None, None)


@pytest.mark.parametrize("wanted", [True, False])
def test_even_a_wanted_poll_waits_while_the_crm_asks_for_patience(world: World, wanted: bool) -> None:
    until = world.clock() + timedelta(hours=2)
    world.line.trouble = LimitedUntil("The quota is used up.", until=until)
    world.poll()
    with world.database.write() as tx:
        parties.want_poll(tx, "co", world.clock())
    assert not tasks.poll_due(world.background, "org")
    world.clock.now = until + timedelta(seconds=1)
    assert tasks.poll_due(world.background, "org")


def test_a_limit_without_an_end_is_tried_like_an_outage(world: World) -> None:
    world.line.trouble = LimitedUntil("The quota is used up.")
    world.poll()
    retry_at = world.organisation().retry_at
    assert retry_at is not None
    assert (retry_at - world.clock()).total_seconds() == pytest.approx(30, rel=0.2)


def test_wrong_credentials_are_not_hammered(world: World) -> None:
    world.line.trouble = LoginFailed("The CRM does not accept the credentials.")
    leader = worker(world)
    leader.hold_lease()
    tried = 0
    for _ in range(60):
        world.clock.advance(seconds=10)
        leader.hold_lease()
        before = world.organisation().failures
        leader.tick()
        tried += world.organisation().failures - before
    assert tried == 1
    assert "credentials" in str(world.organisation().poll_error)


def test_trouble_is_kept_as_a_run_that_people_can_find(world: World) -> None:
    world.line.trouble = Unavailable("The CRM is down.")
    world.poll()
    with world.database.read() as tx:
        [run] = history.recent_runs(tx)
    assert (run.kind, run.errors, run.note) == ("poll", 1, "The CRM is down.")


def add_organisation(world: World, number: str, *, connected: bool = True) -> None:
    here = world.organisation()
    with world.database.write() as tx:
        values: dict[str, Any] = here.__dict__ | {"id": number, "url": "https://other.example"}
        parties.add_organisation(tx, Organisation(**values))
        if connected:
            row = ConnectionRow(
                f"con-{number}", number, number, "co", "salesforce", None, None, world.clock()
            )
            parties.add_connection(tx, row)


def test_one_organisation_that_fails_in_an_unknown_way_stops_no_other(world: World) -> None:
    add_organisation(world, "a-broken-one")  # its address is not the one that the test's gateway knows
    leader = worker(world)
    leader.hold_lease()
    leader.tick()
    assert world.organisation().polled_at is not None


def test_after_a_tick_that_failed_the_next_one_works(world: World) -> None:
    world.sync()
    world.customer("Joe's Diner", LastName="Doe")
    world.visit()
    leader = worker(world)
    leader.hold_lease()

    def break_down() -> None:
        raise RuntimeError("a fault of ours")

    world.line.before["create"] = [break_down]
    leader.tick()
    assert world.names_in_crm() == []
    for _ in range(3):
        world.clock.advance(minutes=61)
        leader.hold_lease()
        leader.tick()
    assert world.names_in_crm() == ["Joe's Diner"]


# --- what the CRM says of its fields ---


def test_the_crms_fields_are_asked_for_once_a_day(world: World) -> None:
    world.poll()
    world.poll()
    assert world.line.calls.count("describe") == 2  # account and contact
    world.clock.advance(hours=25)
    world.poll()
    assert world.line.calls.count("describe") == 4


def test_only_fields_that_the_profile_uses_are_kept(world: World) -> None:
    world.poll()
    kept = world.organisation().fields
    assert kept is not None
    names = {one["name"] for one in kept["kinds"]["account"]}
    assert "Phone" in names
    assert "Website" not in names


def test_a_field_that_an_administrator_lengthened_counts_the_next_day(build: Build) -> None:
    world = build(fields={"Phone": 10})
    list_id = world.customer("Joe's Diner", LastName="Doe", Phone="555-0100 ext. 12")
    world.quiet()
    assert world.names_in_crm() == []
    [job] = world.jobs("refused")
    assert "16 characters" in job.error
    world.crm._fields["account"]["Phone"] = world.account_field("Phone", length=40)
    world.clock.advance(hours=25)
    world.poll()
    world.edit_customer(list_id, Phone="555-0100 ext. 13")
    world.quiet()
    assert world.in_crm(world.account_named("Joe's Diner"))["Phone"] == "555-0100 ext. 13"


# --- sweeping ---


def test_a_sweep_forgets_what_is_past_its_time_and_nothing_else(world: World) -> None:
    world.sync()
    old = kept_exchanges(world)
    assert old > 0
    with world.database.write() as tx:
        visits.note_login_failure(tx, "acme", "192.0.2.66", world.clock())
    world.clock.advance(days=29)
    tasks.sweep(world.background)
    assert kept_exchanges(world) == old
    world.visit()
    fresh = kept_exchanges(world) - old
    world.clock.advance(days=2)
    tasks.sweep(world.background)
    assert kept_exchanges(world) == fresh
    with world.database.read() as tx:
        assert visits.login_failure_count(tx, "acme", "192.0.2.66", world.clock() - timedelta(days=99)) == (
            0,
            0,
        )


def kept_exchanges(world: World) -> int:
    with world.database.read() as tx:
        return len(history.find_exchanges(tx, limit=1000))


def test_a_session_that_fell_silent_with_writes_out_ends_in_doubt(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()

    def die(document: str) -> None:
        if "CustomerAddRq" in document:
            raise Killed("the PC was switched off")

    world.on_document = die
    world.visit()
    assert [job.state for job in world.jobs(side="books")] == ["offered"]
    leader = worker(world)
    world.clock.advance(minutes=30)
    leader.hold_lease()
    leader.sweep()
    assert [job.state for job in world.jobs(side="books")] == ["offered"]
    world.clock.advance(minutes=31)
    leader.hold_lease()
    leader.sweep()
    assert [job.state for job in world.jobs(side="books")] == ["in_doubt"]
