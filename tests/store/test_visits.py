"""Tickets, failed logins, and the leases that let one holder at a time do a work."""

from datetime import timedelta

from qbwc_server.store import visits
from qbwc_server.store.database import Database
from tests.rows import NOW, TICKET, like

SECOND = timedelta(seconds=1)
HALF_A_MINUTE = timedelta(seconds=30)


def take(database: Database, holder: str, now: timedelta = timedelta()) -> bool:
    """Whether `holder` gets the lease for half a minute, asked so long after NOW."""
    moment = NOW + now
    with database.write() as tx:
        return visits.take_lease(tx, "worker", holder, moment, moment + HALF_A_MINUTE)


def test_a_lease_has_one_holder_who_may_renew_it(database: Database) -> None:
    assert take(database, "one")
    assert not take(database, "two", SECOND)
    assert take(database, "one", 20 * SECOND)
    assert not take(database, "two", 31 * SECOND)
    with database.read() as tx:
        assert visits.lease_until(tx, "worker") == NOW + 50 * SECOND


def test_a_lease_that_ran_out_goes_to_whoever_asks_first(database: Database) -> None:
    assert take(database, "one")
    assert take(database, "two", HALF_A_MINUTE)
    assert not take(database, "one", 31 * SECOND)


def test_a_lease_that_was_dropped_is_free_at_once(database: Database) -> None:
    assert take(database, "one")
    with database.write() as tx:
        visits.drop_lease(tx, "worker", "two")
    assert not take(database, "two", SECOND)
    with database.write() as tx:
        visits.drop_lease(tx, "worker", "one")
    with database.read() as tx:
        assert visits.lease_until(tx, "worker") is None
    assert take(database, "two", SECOND)


def test_leases_of_other_names_are_their_own(database: Database) -> None:
    assert take(database, "one")
    with database.write() as tx:
        assert visits.take_lease(tx, "sweeper", "two", NOW, NOW + SECOND)


def test_tickets_are_found_by_company_and_state_oldest_first(database: Database) -> None:
    with database.write() as tx:
        for name, state, minutes in (("b", "sent", 2), ("a", "authed", 1), ("c", "closed", 0)):
            started = NOW + timedelta(minutes=minutes)
            visits.add_ticket(tx, like(TICKET, ticket_hash=name, state=state, started_at=started))
        visits.add_ticket(tx, like(TICKET, ticket_hash="d", company_id="other"))
        live = visits.tickets_of_company(tx, "shop", ["authed", "sent"])
        assert [one.ticket_hash for one in live] == ["a", "b"]


def test_a_ticket_remembers_what_its_visit_notes(database: Database) -> None:
    notes = {"identified": True, "reads": [{"kind": "Customer", "left": 3}], "path": "C:\\Bücher\\Right.qbw"}
    with database.write() as tx:
        visits.add_ticket(tx, TICKET)
        visits.change_ticket(tx, TICKET.ticket_hash, visit=notes, state="sent")
    with database.write() as tx:
        assert visits.locked_ticket(tx, TICKET.ticket_hash) == like(TICKET, visit=notes, state="sent")
        assert visits.locked_ticket(tx, "nobody") is None


def test_idle_tickets_are_those_not_seen_since(database: Database) -> None:
    with database.write() as tx:
        visits.add_ticket(tx, like(TICKET, ticket_hash="old", seen_at=NOW - SECOND))
        visits.add_ticket(tx, like(TICKET, ticket_hash="new", seen_at=NOW))
        visits.add_ticket(tx, like(TICKET, ticket_hash="over", seen_at=NOW - SECOND, state="closed"))
        assert [one.ticket_hash for one in visits.idle_tickets(tx, ["authed"], NOW)] == ["old"]


def test_failed_logins_count_by_user_and_by_address_within_a_time(database: Database) -> None:
    with database.write() as tx:
        for user, address, age in (("a", "x", 0), ("a", "y", 1), ("b", "x", 2), ("a", "x", 60)):
            visits.note_login_failure(tx, user, address, NOW - timedelta(minutes=age))
        since = NOW - timedelta(minutes=15)
        assert visits.login_failure_count(tx, "a", "x", since) == (2, 2)
        assert visits.login_failure_count(tx, "b", "y", since) == (1, 1)
        assert visits.login_failure_count(tx, "nobody", "z", since) == (0, 0)
        visits.forget_login_failures(tx, since)
        assert visits.login_failure_count(tx, "a", "x", NOW - timedelta(days=1)) == (2, 2)


def test_a_user_name_of_any_length_can_fail(database: Database) -> None:
    with database.write() as tx:
        visits.note_login_failure(tx, "u" * 5000, "x", NOW)
        assert visits.login_failure_count(tx, "u" * 5000, "x", NOW) == (1, 1)
