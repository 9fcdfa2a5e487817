"""Who gets in: the limit on failures, equal replies at equal cost, and when a visit may come (protocol 2.5, 8)."""

from collections.abc import Callable

import pytest

from qbwc_server import secrets
from qbwc_server.app import Installation
from qbwc_server.store import parties
from tests.rows import COMPANY, like
from tests.soap.shop import (
    ELSEWHERE,
    HERE,
    PASSWORD,
    USER,
    Caller,
    Clock,
    QuickBooks,
    add_shop,
    contents,
    exchanges_of,
    open_home,
    operations,
)

WRONG = "wrong-password"
NOT_VALID = ["", "nvu"]


def fail(caller: Caller, times: int, user: str = USER) -> None:
    for _ in range(times):
        assert caller.log_in(WRONG, user) == NOT_VALID


def test_ten_failures_of_a_user_shut_the_right_password_out_from_anywhere(
    caller: Caller, elsewhere: Caller
) -> None:
    fail(caller, 10)
    assert caller.log_in() == NOT_VALID
    assert elsewhere.log_in() == NOT_VALID


def test_nine_failures_do_not(caller: Caller) -> None:
    fail(caller, 9)
    assert caller.log_in()[1] == ""


def test_thirty_failures_from_an_address_shut_it_out_whoever_was_named(
    caller: Caller, elsewhere: Caller
) -> None:
    for number in range(30):
        fail(elsewhere, 1, f"user {number}")
    assert elsewhere.log_in() == NOT_VALID
    assert caller.log_in()[1] == ""


def test_the_doors_open_again_a_quarter_of_an_hour_later(caller: Caller, clock: Clock) -> None:
    """A Web Connector with a wrong password tries for ever: what it tries meanwhile must not keep it out for ever."""
    fail(caller, 10)
    for _ in range(14):
        clock.pass_(minutes=1)
        assert caller.log_in(WRONG) == NOT_VALID
    clock.pass_(minutes=1, seconds=1)
    assert caller.log_in()[1] == ""


def test_failures_of_one_user_do_not_count_for_another(
    installation: Installation, caller: Caller, elsewhere: Caller
) -> None:
    with installation.database.write() as tx:
        hashed = secrets.hash_password("other-password", installation.keys, generated=True)
        other = {"id": "other", "name": "Other", "user_name": "other", "file_id": "{1}"}
        parties.add_company(tx, like(COMPANY, password_hash=hashed, **other))
    fail(caller, 10)
    assert elsewhere.log_in("other-password", "other") == ["", "none"]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("nobody", PASSWORD),
        (USER, WRONG),
        (USER, ""),
        ("", ""),
        ("", PASSWORD),
        (USER.upper(), PASSWORD),
        (f" {USER}", PASSWORD),
        (USER, f" {PASSWORD}"),
        (USER, "p" * 100_000),
        ("u" * 100_000, PASSWORD),
        (USER, "Pässwörd😀"),
    ],
)
def test_every_wrong_login_gets_the_same_reply(caller: Caller, user: str, password: str) -> None:
    assert caller.log_in(password, user) == NOT_VALID


def test_only_the_log_tells_failures_apart_and_it_never_shows_a_password(
    installation: Installation, caller: Caller
) -> None:
    fail(caller, 10)
    caller.log_in()
    fail(caller, 1, "nobody")
    kept = exchanges_of(installation)
    assert [one.outcome for one in kept] == ["not a valid user"] * 10 + [
        "too many failed logins",
        "not a valid user",
    ]
    assert all(one.failed for one in kept)
    assert not any(secret in one.request + one.response for one in kept for secret in (WRONG, PASSWORD))


def test_a_flood_of_unknown_names_stops_filling_the_database(
    installation: Installation, elsewhere: Caller
) -> None:
    for number in range(40):
        fail(elsewhere, 1, f"user {number}")
    before = len(exchanges_of(installation)), contents(installation)
    for number in range(40):
        fail(elsewhere, 1, f"other user {number}")
    assert (len(exchanges_of(installation)), contents(installation)) == before


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of hash that were computed, in order: what a login costs, without a stopwatch."""
    done: list[str] = []

    def counting(kind: str, inner: Callable[..., bool]) -> Callable[..., bool]:
        def count(*given: object) -> bool:
            done.append(kind)
            return inner(*given)

        return count

    for kind in ("generated", "chosen"):
        name = f"_matches_{kind}"
        monkeypatch.setattr(secrets, name, counting(kind, getattr(secrets, name)))
    return done


def add_chosen(installation: Installation) -> None:
    hashed = secrets.hash_password("chosen-password", installation.keys, generated=False)
    other = {"id": "chosen", "name": "Chosen", "user_name": "chosen", "file_id": "{1}"}
    with installation.database.write() as tx:
        parties.add_company(tx, like(COMPANY, password_hash=hashed, **other))


def test_an_unknown_user_costs_what_a_wrong_password_costs(
    installation: Installation, caller: Caller, checks: list[str]
) -> None:
    caller.log_in(WRONG, "nobody")
    assert checks == ["generated"]
    checks.clear()
    caller.log_in(WRONG)
    assert checks == ["generated"]


@pytest.mark.parametrize("user", ["nobody", USER, "chosen"])
def test_once_a_password_is_chosen_every_failure_costs_one_slow_check(
    installation: Installation, caller: Caller, checks: list[str], user: str
) -> None:
    """The fast check beside it takes a thousandth of the slow one: it cannot be heard."""
    add_chosen(installation)
    caller.log_in(WRONG, user)
    assert checks.count("chosen") == 1


def test_a_right_generated_password_never_costs_a_slow_check(
    installation: Installation, caller: Caller, checks: list[str]
) -> None:
    add_chosen(installation)
    assert caller.log_in()[1] == ""
    assert checks == ["generated"]


def test_a_user_who_is_shut_out_costs_no_check(
    installation: Installation, caller: Caller, checks: list[str]
) -> None:
    add_chosen(installation)
    fail(caller, 10)
    checks.clear()
    assert caller.log_in() == NOT_VALID
    assert checks == []


def test_a_chosen_password_lets_in(home: object, clock: Clock) -> None:
    opened = open_home(home, clock)  # type: ignore[arg-type]
    add_shop(opened, generated=False)
    assert Caller(operations(opened)).log_in()[1] == ""
    opened.close()


def test_the_slow_check_holds_no_lock(
    installation: Installation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that takes long to check must not keep every other company waiting."""
    wrote: list[str] = []

    def write_meanwhile(*given: object) -> bool:
        with installation.database.write() as tx:
            parties.change_company(tx, "shop", product="changed meanwhile")
        wrote.append("meanwhile")
        return True

    monkeypatch.setattr(secrets, "_matches_generated", write_meanwhile)
    assert caller.log_in()[1] == ""
    assert wrote == ["meanwhile"]


def test_an_address_of_any_length_is_no_trouble(installation: Installation) -> None:
    """Behind a proxy it is a header's text."""
    caller = Caller(operations(installation), address="1" * 5000)
    fail(caller, 1)
    assert caller.log_in()[1] == ""


# --- when a visit may come ---


def visited(installation: Installation, minimum: int) -> None:
    with installation.database.write() as tx:
        values = {"minimum_seconds": minimum, "last_visit_at": installation.clock()}
        parties.change_company(tx, "shop", **values)


@pytest.mark.parametrize(
    ("waited", "answer"),
    [
        (0, ["none", "600", "600"]),
        (20.5, ["none", "580", "600"]),
        (599.5, ["none", "1", "600"]),
        (600, ["", "", "600"]),
        (9000, ["", "", "600"]),
    ],
)
def test_a_visit_that_comes_too_early_is_told_how_long_to_wait(
    installation: Installation, caller: Caller, clock: Clock, waited: float, answer: list[str]
) -> None:
    visited(installation, 600)
    clock.pass_(seconds=waited)
    assert caller.log_in()[1:] == answer


def test_without_a_limit_two_items_are_answered_for_a_number_would_postpone(caller: Caller) -> None:
    ticket, *rest = caller.log_in()
    assert ticket
    assert rest == [""]


def test_a_limit_may_stand_beside_work_but_never_a_time_to_wait(
    installation: Installation, caller: Caller
) -> None:
    with installation.database.write() as tx:
        parties.change_company(tx, "shop", minimum_seconds=600)
    assert caller.log_in()[1:] == ["", "", "600"]


def test_a_company_that_is_connected_with_nothing_has_nothing_to_do(home: object, clock: Clock) -> None:
    opened = open_home(home, clock)  # type: ignore[arg-type]
    add_shop(opened, connected=False)
    caller = Caller(operations(opened))
    assert caller.log_in() == ["", "none"]
    assert caller.close() == "OK"
    opened.close()


def test_a_login_that_brings_no_visit_leaves_no_run(
    installation: Installation, caller: Caller, elsewhere: Caller, books: QuickBooks
) -> None:
    caller.begin(books)
    fail(elsewhere, 1)
    assert elsewhere.log_in()[1] == "busy"
    with installation.database.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() == 1
        assert tx.exec_driver_sql("SELECT count(*) FROM tickets").scalar_one() == 1


def test_a_ticket_is_stored_as_a_hash_only(installation: Installation, caller: Caller) -> None:
    caller.log_in()
    everything = repr(contents(installation)) + repr(exchanges_of(installation))
    assert caller.ticket not in everything
    assert caller.address == HERE
    assert HERE in everything
    assert ELSEWHERE not in everything
