"""The rule book against the design's section "Deciding": an oracle for fields, one readable test per rule for pairs."""

from dataclasses import replace
from decimal import Decimal
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.sync.decide import (
    FieldOutcome,
    FieldView,
    Matches,
    Outcome,
    Pair,
    Policy,
    Presence,
    RunSize,
    beyond_limits,
    decide,
    decide_field,
)

P = Presence
EVERY = {
    "base_known": (True, False),
    "crm": ("same", "changed", "emptied", "always empty"),
    "books": ("same", "changed", "emptied", "always empty"),
    "alike": (True, False),
    "to_books": (True, False),
    "to_crm": (True, False),
    "winner": (None, "crm", "books"),
    "clear_when_empty": (True, False),
    "lost_in": (None, "crm", "books"),
    "taken": (None, "crm", "books"),
    "derived": (False, True),
}


def oracle(view: FieldView) -> str:
    """The table of the design, read from the specification and not from the code."""
    bases = {"crm": view.crm_base, "books": view.books_base} if view.base_known else {}
    now = {"crm": view.crm_now, "books": view.books_now}
    moved = [
        side
        for side, value in now.items()
        if value != bases.get(side) and (value is not None or view.clear_when_empty)
    ]
    writable = {"crm": view.to_books, "books": view.to_crm}  # by the side that the value comes from
    source = view.taken
    if source is None:
        if view.alike and (moved or not view.base_known):
            return "agreed"
        if not moved:
            return "nothing"
        # What is derived from QuickBooks has no conflict: it is shown as QuickBooks has it.
        shown = now["books"] is not None or view.clear_when_empty
        if view.derived and "crm" in moved and (shown if view.base_known else now["books"] is not None):
            return "to_crm" if view.to_crm else "held"
        # S3.18: on first contact an empty value of the side with priority neither overwrites nor is filled.
        if not view.base_known and view.winner and now[view.winner] is None and not view.derived:
            return "held"
        disputed = len(moved) == 2 or (view.base_known and view.lost_in == moved[0])
        sources = [side for side, allowed in writable.items() if allowed]
        winner = "books" if view.derived else view.winner
        if disputed and winner is None and len(sources) == 2:
            return "conflict"
        source = moved[0] if not disputed else winner or (sources or moved)[0]
    return {"crm": "to_books", "books": "to_crm"}[source] if writable[source] else "held"


def value(side: str, state: str) -> tuple[Any, Any]:
    """(base, now) of a side in a state."""
    before = f"{side} before"
    states = {"same": (before, before), "changed": (before, f"{side} now"), "emptied": (before, None)}
    return states.get(state, (None, None))


def view_of(crm: str, books: str, alike: bool, **more: Any) -> FieldView | None:
    (crm_base, crm_now), (books_base, books_now) = value("crm", crm), value("books", books)
    if alike and (crm_now is None) != (books_now is None):
        return None  # an empty field and a full one never mean the same
    if not alike and crm_now is None and books_now is None:
        return None
    if more["derived"] and more["to_books"]:
        return None  # what is derived never goes to books
    return FieldView("f", crm_now, books_now, crm_base, books_base, alike=alike, **more)


def test_every_combination_of_a_field_is_decided_as_the_design_says() -> None:
    combinations = (dict(zip(EVERY, row, strict=True)) for row in product(*EVERY.values()))
    views = [view for one in combinations if (view := view_of(**one)) is not None]
    wrong = [
        (view, str(found), wanted)
        for view in views
        if (found := decide_field(view).outcome) != (wanted := oracle(view))
    ]
    assert len(views) > 5_000
    assert wrong == []


VALUES = st.one_of(st.none(), st.sampled_from(["a", "A", "b"]), st.decimals(0, 9, places=2), st.booleans())


@given(
    st.builds(
        FieldView,
        name=st.just("f"),
        crm_now=VALUES,
        books_now=VALUES,
        crm_base=VALUES,
        books_base=VALUES,
        base_known=st.booleans(),
        alike=st.booleans(),
        to_books=st.booleans(),
        to_crm=st.booleans(),
        winner=st.sampled_from([None, "crm", "books"]),
        clear_when_empty=st.booleans(),
        lost_in=st.sampled_from([None, "crm", "books"]),
        taken=st.sampled_from([None, "crm", "books"]),
    )
)
def test_values_of_any_type_are_decided_as_the_design_says_and_with_a_reason(view: FieldView) -> None:
    view = replace(view, alike=view.alike and (view.crm_now is None) == (view.books_now is None))
    if view.crm_now is None and view.books_now is None:
        view = replace(view, alike=True)
    decision = decide_field(view)
    assert decision.outcome == oracle(view)
    assert decision.reason
    assert (decision.crm_value, decision.books_value) == (view.crm_now, view.books_now)


@given(st.sampled_from(["crm", "books"]), st.sampled_from([None, "crm", "books"]), st.booleans())
def test_an_empty_value_never_overwrites_unless_the_field_says_so(
    emptied: str, winner: Any, known: bool
) -> None:
    held = {"crm": "555-0100", "books": "555-0100"} | {emptied: None}
    view = FieldView(
        "Phone", held["crm"], held["books"], "555-0100", "555-0100", known, alike=False, winner=winner
    )
    wipes = {"crm": FieldOutcome.TO_BOOKS, "books": FieldOutcome.TO_CRM}[emptied]
    assert decide_field(view).outcome is not wipes
    if known:
        assert decide_field(replace(view, clear_when_empty=True)).outcome is wipes


def test_the_worked_example_of_the_requirements_leaves_both_phones_as_they_are() -> None:
    # S3.18: the CRM's phone is empty, QuickBooks' phone is set, the CRM has priority: after merge they differ.
    phone = FieldView("Phone", None, "555-0100", None, None, base_known=False, alike=False, winner="crm")
    assert not decide_field(phone).acts
    emptied_later = replace(phone, crm_base="555-0100", books_base="555-0100", base_known=True)
    assert not decide_field(emptied_later).acts


def test_without_a_priority_first_contact_fills_what_one_side_lacks() -> None:
    phone = FieldView("Phone", None, "555-0100", None, None, base_known=False, alike=False)
    assert decide_field(phone).outcome is FieldOutcome.TO_CRM


def test_an_edit_of_a_shortened_value_asks_a_person_but_the_longer_side_may_be_edited() -> None:
    cut = FieldView(
        "Notes",
        "a long note",
        "a long",
        "a long note",
        "a long",
        base_known=True,
        alike=False,
        lost_in="books",
    )
    assert decide_field(replace(cut, books_now="a lung")).outcome is FieldOutcome.CONFLICT
    assert decide_field(replace(cut, crm_now="a longer note")).outcome is FieldOutcome.TO_BOOKS


# --- pairs ---


def promoted(**more: Any) -> Pair:
    return Pair(crm=P.PRESENT, books=P.UNSEEN, linked=False, promoted=True, **more)


def customer(**more: Any) -> Pair:
    return Pair(crm=P.UNSEEN, books=P.PRESENT, linked=False, **more)


def linked(crm: Presence = P.PRESENT, books: Presence = P.PRESENT, **more: Any) -> Pair:
    return Pair(crm=crm, books=books, linked=True, base_known=True, **more)


PHONE = FieldView("Phone", "1", "1", "1", "1", base_known=True, alike=True)
ALLOWED = Policy()


@pytest.mark.parametrize("pair", [promoted(), customer()])
def test_before_the_first_reads_are_complete_nothing_is_created_linked_or_asked(pair: Pair) -> None:
    matches = Matches(exact=("x",), key="name", unique_both_ways=True)
    waiting = replace(pair, first_reads_complete=False, matches=matches)
    assert decide(waiting, ALLOWED).outcome is Outcome.WAIT


def test_a_promoted_record_without_a_match_is_created_in_quickbooks() -> None:
    assert decide(promoted(), ALLOWED).outcome is Outcome.CREATE_BOOKS


def test_a_record_that_nobody_promoted_stays_in_the_crm() -> None:
    assert decide(replace(promoted(), promoted=False), ALLOWED).outcome is Outcome.SKIP


def test_a_new_customer_without_a_match_is_created_in_the_crm() -> None:
    assert decide(customer(), ALLOWED).outcome is Outcome.CREATE_CRM


@pytest.mark.parametrize("pair", [promoted(), customer()])
def test_where_creating_is_not_allowed_the_record_is_left_out_with_a_reason(pair: Pair) -> None:
    decision = decide(pair, Policy(create_in_books=False, create_in_crm=False))
    assert (decision.outcome, bool(decision.reason)) == (Outcome.SKIP, True)


@pytest.mark.parametrize("pair", [promoted(), customer()])
def test_an_exact_match_that_is_unique_on_both_sides_links(pair: Pair) -> None:
    match = Matches(exact=("partner",), key="name", unique_both_ways=True)
    decision = decide(replace(pair, matches=match), ALLOWED)
    assert (decision.outcome, decision.partner) == (Outcome.LINK, "partner")


@pytest.mark.parametrize(
    "match",
    [
        Matches(exact=("one", "two"), key="name", unique_both_ways=True),
        Matches(exact=("one",), key="name", unique_both_ways=False),
    ],
)
@pytest.mark.parametrize("pair", [promoted(), customer()])
def test_several_candidates_on_either_side_wait_for_a_person(pair: Pair, match: Matches) -> None:
    assert decide(replace(pair, matches=match), ALLOWED).outcome is Outcome.ASK


@pytest.mark.parametrize("pair", [promoted(), customer(), replace(promoted(), promoted=False)])
def test_a_similar_name_is_a_suggestion_and_never_a_link(pair: Pair) -> None:
    decision = decide(replace(pair, matches=Matches(similar=(("near", 93), ("far", 89)))), ALLOWED)
    assert (decision.outcome, decision.partner) == (Outcome.SUGGEST, "near")


def test_a_record_out_of_scope_is_left_out_with_its_reason() -> None:
    decision = decide(customer(out_of_scope="Jobs are not synchronized."), ALLOWED)
    assert (decision.outcome, decision.reason) == (Outcome.SKIP, "Jobs are not synchronized.")


@pytest.mark.parametrize("pair", [replace(promoted(), promoted=False), customer()])
def test_a_pair_that_a_person_took_apart_is_not_matched_again_by_itself(pair: Pair) -> None:
    match = Matches(exact=("partner",), key="name", unique_both_ways=True)
    assert decide(replace(pair, was_unlinked=True, matches=match), ALLOWED).outcome is Outcome.SKIP


def test_promoting_an_unlinked_record_again_asks_a_person() -> None:
    match = Matches(exact=("partner",), key="name", unique_both_ways=True)
    for matches in (match, Matches()):
        assert decide(promoted(was_unlinked=True, matches=matches), ALLOWED).outcome is Outcome.ASK


@pytest.mark.parametrize("pair", [replace(promoted(), crm=P.DELETED), replace(customer(), books=P.DELETED)])
def test_a_deleted_record_that_was_never_linked_is_nothing_to_do(pair: Pair) -> None:
    assert decide(pair, ALLOWED).outcome is Outcome.NOTHING


def test_fields_that_moved_on_different_sides_are_written_both_ways_at_once() -> None:
    moved = (replace(PHONE, crm_now="2", alike=False), replace(PHONE, name="Fax", books_now="3", alike=False))
    decision = decide(linked(fields=moved), ALLOWED)
    assert decision.outcome is Outcome.CHANGE
    assert [one.name for one in decision.of(FieldOutcome.TO_BOOKS)] == ["Phone"]
    assert [one.name for one in decision.of(FieldOutcome.TO_CRM)] == ["Fax"]
    assert "Phone" in decision.reason
    assert "Fax" in decision.reason


def test_a_pair_whose_other_half_was_not_read_yet_waits() -> None:
    moved = (replace(PHONE, crm_now="2", alike=False),)
    assert decide(linked(books=P.UNSEEN, fields=moved), ALLOWED).outcome is Outcome.NOTHING


@pytest.mark.parametrize("gone", ["crm", "books"])
def test_a_deletion_is_remembered_and_not_carried_over(gone: str) -> None:
    presences = {"crm": P.PRESENT, "books": P.PRESENT} | {gone: P.DELETED}
    assert decide(linked(**presences, fields=(PHONE,)), ALLOWED).outcome is Outcome.NOTHING


def test_a_survivor_is_created_again_only_when_one_of_its_own_mapped_fields_changed() -> None:
    edited = (replace(PHONE, crm_now="2", alike=False),)
    assert decide(linked(books=P.DELETED, fields=edited), ALLOWED).outcome is Outcome.RECREATE_BOOKS
    assert decide(linked(crm=P.DELETED, fields=edited), ALLOWED).outcome is Outcome.NOTHING
    edited = (replace(PHONE, books_now="2", alike=False),)
    assert decide(linked(crm=P.DELETED, fields=edited), ALLOWED).outcome is Outcome.RECREATE_CRM


def test_a_survivor_that_may_not_be_created_there_is_not_created_again() -> None:
    edited = (replace(PHONE, crm_now="2", alike=False),)
    decision = decide(linked(books=P.DELETED, fields=edited), Policy(create_in_books=False))
    assert decision.outcome is Outcome.NOTHING
    assert "not created" in decision.reason


def test_after_a_merge_nothing_is_created_again_a_person_says_where_it_belongs() -> None:
    edited = (replace(PHONE, crm_now="2", alike=False),)
    assert decide(linked(books=P.DELETED, merged=True, fields=edited), ALLOWED).outcome is Outcome.ASK


def test_what_is_deleted_on_both_sides_is_over() -> None:
    assert decide(linked(crm=P.DELETED, books=P.DELETED), ALLOWED).outcome is Outcome.NOTHING


def test_a_transaction_is_promoted_once_later_edits_are_reported_and_not_sent() -> None:
    # `once` reaches the rule book as a field that is not written to books.
    edited = replace(PHONE, crm_now="2", alike=False, to_books=False)
    decision = decide(linked(fields=(edited,)), ALLOWED)
    assert decision.outcome is Outcome.NOTHING
    assert [one.reason for one in decision.of(FieldOutcome.HELD)] == [
        "changed in the CRM only, but this field is not written to QuickBooks"
    ]
    paid = replace(PHONE, books_now="2", alike=False, to_books=False)
    assert decide(linked(fields=(paid,)), ALLOWED).of(FieldOutcome.TO_CRM)


@given(
    crm=st.sampled_from(list(P)),
    books=st.sampled_from(list(P)),
    is_linked=st.booleans(),
    is_promoted=st.booleans(),
    complete=st.booleans(),
    unlinked=st.booleans(),
    merged=st.booleans(),
    exact=st.lists(st.sampled_from(["a", "b"]), unique=True),
    unique=st.booleans(),
)
def test_every_pair_has_an_answer_with_a_reason(
    crm: Presence,
    books: Presence,
    is_linked: bool,
    is_promoted: bool,
    complete: bool,
    unlinked: bool,
    merged: bool,
    exact: list[str],
    unique: bool,
) -> None:
    pair = Pair(
        crm,
        books,
        is_linked,
        fields=(replace(PHONE, crm_now="2", alike=False),),
        promoted=is_promoted,
        first_reads_complete=complete,
        was_unlinked=unlinked,
        merged=merged,
        matches=Matches(tuple(exact), "name", unique),
    )
    decision = decide(pair, ALLOWED)
    assert decision.reason
    if not is_linked and unlinked:
        assert decision.outcome in (Outcome.SKIP, Outcome.ASK, Outcome.NOTHING, Outcome.WAIT)


# --- safety limits ---

LIMITS = SimpleNamespace(
    creates=3,
    voids=0,
    amount=Decimal("100.00"),
    changed_share=Decimal("0.5"),
    missing_share=Decimal("0.2"),
    share_floor=20,
)


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (RunSize(creates=3), RunSize(creates=4)),
        (RunSize(), RunSize(voids=1)),
        (RunSize(amount=Decimal("100.00")), RunSize(amount=Decimal("100.01"))),
        (RunSize(changed=20, known=40), RunSize(changed=21, known=40)),
        (RunSize(missing=8, known=40), RunSize(missing=9, known=40)),
        (RunSize(missing=20, changed=20, known=20), RunSize(missing=40, known=40)),
    ],
)
def test_a_limit_holds_at_its_figure_and_asks_above_it(within: RunSize, beyond: RunSize) -> None:
    assert beyond_limits(within, LIMITS) == ""
    assert "limit is" in beyond_limits(beyond, LIMITS)


def test_no_limit_means_no_question() -> None:
    free = SimpleNamespace(creates=None, voids=None, amount=None, changed_share=None, missing_share=None)
    huge = RunSize(10**6, 10**6, Decimal(10**9), 10**6, 10**6, 10**6)
    assert beyond_limits(huge, SimpleNamespace(**free.__dict__, share_floor=20)) == ""
