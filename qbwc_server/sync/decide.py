"""The one place that decides: what two sides and their base mean, without clock, database or network.

`decide_field` settles one mapped field, `decide` a whole pair. Both are total: every combination of states has
an answer, and every answer carries its reason in words a bookkeeper can read.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

Side = Literal["crm", "books"]
NAMES: dict[str, str] = {"crm": "the CRM", "books": "QuickBooks"}


class FieldOutcome(StrEnum):
    NOTHING = "nothing"
    TO_BOOKS = "to_books"
    TO_CRM = "to_crm"
    AGREED = "agreed"  # both sides mean the same: only the base moves
    HELD = "held"  # changed on one side, but this field may not be written to the other
    CONFLICT = "conflict"


@dataclass(frozen=True)
class FieldView:
    """One mapped field of a pair. Values are in each side's own form; empty is None, never ''."""

    name: str
    crm_now: Any
    books_now: Any
    crm_base: Any
    books_base: Any
    # False until both sides agreed once: then there is nothing to compare with.
    base_known: bool
    # The two values mean the same, whatever each side's form.
    alike: bool
    to_books: bool = True
    to_crm: bool = True
    winner: Side | None = None
    clear_when_empty: bool = False
    # The side that holds less than it was sent (truncated, transliterated).
    lost_in: Side | None = None
    # What a person chose in a conflict.
    taken: Side | None = None
    # QuickBooks' own, such as a balance: the CRM only shows it.
    derived: bool = False


@dataclass(frozen=True)
class FieldDecision:
    name: str
    outcome: FieldOutcome
    reason: str
    crm_value: Any = None
    books_value: Any = None

    @property
    def acts(self) -> bool:
        return self.outcome in (FieldOutcome.TO_BOOKS, FieldOutcome.TO_CRM)


def decide_field(view: FieldView) -> FieldDecision:
    """One row of the table of DESIGN's "Deciding": base against each side, then winner, then a person."""
    outcome, reason = _field(view)
    return FieldDecision(view.name, outcome, reason, view.crm_now, view.books_now)


def _field(view: FieldView) -> tuple[FieldOutcome, str]:
    if view.taken:
        return _write_from(view, view.taken, f"a person chose the value of {NAMES[view.taken]}")
    if not view.base_known:
        return _first_agreement(view)
    crm, books = _moved(view, "crm"), _moved(view, "books")
    if not crm and not books:
        return FieldOutcome.NOTHING, "neither side changed"
    if view.alike:
        return FieldOutcome.AGREED, "both sides mean the same"
    if crm and view.derived and (view.books_now is not None or view.clear_when_empty):
        return _write_from(view, "books", f"it is {NAMES['books']}' own, and was changed in {NAMES['crm']}")
    if crm and books:
        return _clash(view, "both sides changed it to different values")
    side: Side = "crm" if crm else "books"
    if view.lost_in == side:
        return _clash(view, f"{NAMES[side]} holds a shortened form of it, so its edit would overwrite more")
    return _write_from(view, side, f"changed in {NAMES[side]} only")


def _first_agreement(view: FieldView) -> tuple[FieldOutcome, str]:
    if view.alike:
        return FieldOutcome.AGREED, "both sides mean the same"
    if view.crm_now is None or view.books_now is None:
        side: Side = "books" if view.crm_now is None else "crm"
        if view.winner is not None and view.winner != side and not (view.derived and side == "books"):
            # S3.18: the side with priority is not filled from the other, and its empty value overwrites nothing.
            return FieldOutcome.HELD, f"only {NAMES[side]} has a value, but {NAMES[view.winner]} has priority"
        return _write_from(view, side, f"only {NAMES[side]} has a value")
    return _clash(view, "the two sides differ and have never agreed")


def _moved(view: FieldView, side: Side) -> bool:
    now, base = (view.crm_now, view.crm_base) if side == "crm" else (view.books_now, view.books_base)
    if now is None and not view.clear_when_empty:
        return False  # an empty value never overwrites
    return bool(now != base)


def _clash(view: FieldView, why: str) -> tuple[FieldOutcome, str]:
    winner = "books" if view.derived else view.winner or _one_way_source(view)
    if winner is None and not (view.to_books or view.to_crm):
        return FieldOutcome.HELD, f"{why}, but this field is written to neither side"
    if winner is None:
        return FieldOutcome.CONFLICT, f"{why}; a person must choose"
    return _write_from(view, winner, f"{why}; {NAMES[winner]} wins")


def _one_way_source(view: FieldView) -> Side | None:
    """A field that goes one way only belongs to the side that it comes from."""
    if view.to_books != view.to_crm:
        return "crm" if view.to_books else "books"
    return None


def _write_from(view: FieldView, side: Side, why: str) -> tuple[FieldOutcome, str]:
    if side == "crm":
        allowed, outcome = view.to_books, FieldOutcome.TO_BOOKS
    else:
        allowed, outcome = view.to_crm, FieldOutcome.TO_CRM
    if not allowed:
        target = NAMES["books" if side == "crm" else "crm"]
        return FieldOutcome.HELD, f"{why}, but this field is not written to {target}"
    return outcome, why


class Presence(StrEnum):
    UNSEEN = "unseen"
    PRESENT = "present"
    DELETED = "deleted"


class Outcome(StrEnum):
    NOTHING = "nothing"
    LINK = "link"
    CREATE_BOOKS = "create_books"
    CREATE_CRM = "create_crm"
    CHANGE = "change"
    RECREATE_BOOKS = "recreate_books"
    RECREATE_CRM = "recreate_crm"
    SUGGEST = "suggest"
    ASK = "ask"
    FORGOTTEN = "forgotten"  # as ASK, and only promoting it once more is the answer
    SKIP = "skip"
    WAIT = "wait"


@dataclass(frozen=True)
class Policy:
    """What a connection and kind allow; already merged from mode, rights and the profile."""

    create_in_books: bool = True
    create_in_crm: bool = True


@dataclass(frozen=True)
class Matches:
    """Unlinked partners on the other side, as the profile's match keys found them."""

    # Ids that share a key exactly; the key is named for the reason.
    exact: tuple[str, ...] = ()
    key: str = ""
    # The partner's key is ours alone on our side too.
    unique_both_ways: bool = False
    # (id, score 0..100) by pattern, best first: suggestions, never links.
    similar: tuple[tuple[str, int], ...] = ()
    # The name of the most similar one.
    called: str = ""
    # Where they stand, if they have the very name but stand below another record, or we do.
    elsewhere: str = ""


@dataclass(frozen=True)
class Pair:
    """A record together with what is known of its partner."""

    crm: Presence
    books: Presence
    linked: bool
    base_known: bool = False
    fields: tuple[FieldView, ...] = ()
    # CRM only: somebody promoted or triggered this record.
    promoted: bool = False
    first_reads_complete: bool = True
    matches: Matches = field(default_factory=Matches)
    # Why this record is out of scope (filter, missing key), in a sentence; "" when it is in.
    out_of_scope: str = ""
    # A person took this pair apart: it is not matched again by itself.
    was_unlinked: bool = False
    # CRM only: its status says that it is queued, and we never heard of it.
    forgotten: bool = False
    # The half that is gone was merged into another record.
    merged: bool = False
    # The record that it stands below, about which a person was asked: whose it is must be known first.
    parent_asked: str = ""


@dataclass(frozen=True)
class Decision:
    outcome: Outcome
    reason: str
    fields: tuple[FieldDecision, ...] = ()
    partner: str = ""
    # (id, likeness 0..100) of those that a person may choose from.
    candidates: tuple[tuple[str, int], ...] = ()

    def of(self, outcome: FieldOutcome) -> tuple[FieldDecision, ...]:
        return tuple(one for one in self.fields if one.outcome is outcome)


# A database from before a promotion is the one cause, a copy of a record with all of its fields the other: what is made
# of the copy would be a document that nobody asked for.
FORGOTTEN: Final = (
    "its status says that it is queued, and it is not: our database was restored, or the record was copied from a "
    "queued one; promote it again to send it"
)


def decide(pair: Pair, policy: Policy) -> Decision:
    """What is to be done about a pair; see DESIGN section 6 for each rule."""
    if pair.linked:
        return _decide_linked(pair, policy)
    if pair.out_of_scope:
        return Decision(Outcome.SKIP, pair.out_of_scope)
    if Presence.DELETED in (pair.crm, pair.books):
        return Decision(Outcome.NOTHING, "deleted, and never linked")
    if not pair.first_reads_complete:
        return Decision(Outcome.WAIT, "the first read of both sides is not complete yet")
    return _decide_unlinked(pair, policy)


def _decide_unlinked(pair: Pair, policy: Policy) -> Decision:
    here: Side = "crm" if pair.crm is Presence.PRESENT else "books"
    there: Side = "books" if here == "crm" else "crm"
    matches = pair.matches
    if pair.was_unlinked and not (here == "crm" and pair.promoted):
        return Decision(Outcome.SKIP, "it was unlinked by a person and is not matched again by itself")
    if matches.exact and not pair.was_unlinked:
        return _decide_matched(matches, there)
    wants = pair.promoted if here == "crm" else True
    if not wants:
        return _decide_unwanted(pair)
    if pair.was_unlinked:
        return Decision(Outcome.ASK, "it was linked before; a person must say whether to create it again")
    if matches.similar:
        return _suggested(matches) or Decision(Outcome.SKIP, "nothing similar")
    if not (policy.create_in_books if here == "crm" else policy.create_in_crm):
        return Decision(Outcome.SKIP, f"new records are not created in {NAMES[there]}")
    if pair.parent_asked:
        return Decision(
            Outcome.ASK, f"it stands below {pair.parent_asked}, about which a person must say first"
        )
    created = Outcome.CREATE_BOOKS if here == "crm" else Outcome.CREATE_CRM
    why = "promoted, and no match" if here == "crm" else "new in QuickBooks, and no match"
    return Decision(created, f"{why} in {NAMES[there]}")


def _decide_unwanted(pair: Pair) -> Decision:
    if pair.forgotten:
        return Decision(Outcome.FORGOTTEN, FORGOTTEN)
    return _suggested(pair.matches) or Decision(Outcome.SKIP, "not promoted")


def _decide_matched(matches: Matches, there: Side) -> Decision:
    listed, alike = ", ".join(matches.exact), tuple((one, 100) for one in matches.exact)
    if len(matches.exact) > 1:
        why = f"several records in {NAMES[there]} have the same {matches.key}: {listed}"
        return Decision(Outcome.ASK, why, candidates=alike)
    if not matches.unique_both_ways:
        why = f"several records share the {matches.key} with one record in {NAMES[there]}: {listed}"
        return Decision(Outcome.ASK, why, candidates=alike)
    return Decision(Outcome.LINK, f"same {matches.key}, unique on both sides", partner=matches.exact[0])


def _suggested(matches: Matches) -> Decision | None:
    if not matches.similar:
        return None
    partner, score = matches.similar[0]
    if matches.elsewhere:
        why = f"{matches.elsewhere}; a person must say whether they are the same (link make) or not (link create)"
        return Decision(Outcome.ASK, why, candidates=matches.similar)
    why = f"looks like {matches.called or partner} ({score} of 100); a person must say"
    return Decision(Outcome.SUGGEST, why, partner=partner, candidates=matches.similar)


def _decide_linked(pair: Pair, policy: Policy) -> Decision:
    if pair.crm is Presence.DELETED and pair.books is Presence.DELETED:
        return Decision(Outcome.NOTHING, "deleted on both sides")
    if pair.books is Presence.DELETED:
        return _decide_survivor(pair, "crm", allowed=policy.create_in_books)
    if pair.crm is Presence.DELETED:
        return _decide_survivor(pair, "books", allowed=policy.create_in_crm)
    if Presence.UNSEEN in (pair.crm, pair.books):
        return Decision(Outcome.NOTHING, "the other side's record has not been created or read yet")
    fields = tuple(decide_field(view) for view in pair.fields)
    acting = [one for one in fields if one.acts]
    if not acting:
        return Decision(Outcome.NOTHING, "nothing to write", fields)
    return Decision(Outcome.CHANGE, "; ".join(f"{one.name}: {one.reason}" for one in acting), fields)


def _decide_survivor(pair: Pair, survivor: Side, *, allowed: bool) -> Decision:
    gone = NAMES["books" if survivor == "crm" else "crm"]
    if pair.merged:
        return Decision(Outcome.ASK, f"merged in {gone}; a person must say which record it belongs to now")
    if not any(_moved(view, survivor) for view in pair.fields):
        return Decision(Outcome.NOTHING, f"deleted in {gone}; the deletion is remembered, not carried over")
    if not allowed:
        return Decision(Outcome.NOTHING, f"deleted in {gone}, and new records are not created there")
    recreate = Outcome.RECREATE_BOOKS if survivor == "crm" else Outcome.RECREATE_CRM
    return Decision(recreate, f"deleted in {gone}, and changed in {NAMES[survivor]} since")


@dataclass(frozen=True)
class RunSize:
    """What one run would do, against what is known of the side it concerns."""

    creates: int = 0
    voids: int = 0
    amount: Any = 0
    changed: int = 0
    missing: int = 0
    known: int = 0


def beyond_limits(size: RunSize, limits: Any) -> str:
    """The first safety limit that a run would break, as a sentence; "" when it may go on.

    `limits` has creates, voids, amount, changed_share, missing_share and share_floor. Shares count only above
    share_floor records: three changes of four customers are an ordinary morning.
    """
    counts = (("creates", "new records"), ("voids", "voided transactions"), ("amount", "in amounts"))
    for name, words in counts:
        limit, value = getattr(limits, name), getattr(size, name)
        if limit is not None and value > limit:
            return f"this run would make {value} {words}, the limit is {limit}"
    for name, words in (("changed", "changed"), ("missing", "missing")):
        limit, value = getattr(limits, f"{name}_share"), getattr(size, name)
        if limit is not None and size.known > limits.share_floor and value > limit * size.known:
            return f"{value} of {size.known} records are {words} at once, the limit is {limit:.0%}"
    return ""
