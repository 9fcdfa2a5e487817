"""What every gateway promises, run over the one in memory and over each vendor's on its emulator.

A vendor joins by a world: a gateway, the names of a few of its fields, and what users do there. Nothing here
knows a vendor.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import Duplicate, Misconfigured, Missing, Rejected, Stale
from tests.crm.worlds import WORLDS


@pytest.fixture(params=WORLDS)
def world(request):
    made = WORLDS[request.param]()
    yield made
    made.close()


@pytest.fixture
def crm(world):
    return world.gateway


@pytest.fixture
def names(world):
    return world.names


def a_pass(world, watermark=None, fields=None):
    """All records of a pass by id (the later delivery counts), its watermark, its last page."""
    pages = list(world.gateway.changed_since("account", fields or [world.names.name], watermark))
    assert [page.watermark is None for page in pages] == [True] * (len(pages) - 1) + [False]
    return {record.id: record for page in pages for record in page.records}, pages[-1].watermark, pages[-1]


def read_one(world, record_id, *fields):
    (record,) = world.gateway.read("account", [record_id], fields)
    return record


# Reading changes


def test_the_first_pass_delivers_everything_that_lives_and_says_that_it_is_complete(world, names):
    kept = {world.user_create({names.name: f"n{number}"}) for number in range(3)}
    world.user_delete(world.user_create({names.name: "gone"}))
    found, _, last = a_pass(world)
    assert set(found) == kept
    assert last.complete
    assert not any(record.deleted for record in found.values())


def test_an_empty_crm_gives_one_page_with_a_watermark(world):
    found, watermark, last = a_pass(world)
    assert (found, last.complete) == ({}, True)
    assert watermark


def test_an_edit_after_the_watermark_is_delivered_with_another_version(world, names):
    record_id = world.user_create({names.name: "Ann"})
    first, watermark, _ = a_pass(world)
    world.later()
    world.user_edit(record_id, {names.name: "Bob"})
    second, _, last = a_pass(world, watermark)
    assert second[record_id].values == {names.name: "Bob"}
    assert second[record_id].version != first[record_id].version
    assert second[record_id].modified > first[record_id].modified
    assert not last.complete


def test_a_quiet_pass_tells_nothing_new(world, names):
    world.user_create({names.name: "Ann"})
    first, watermark, _ = a_pass(world)
    again, _, _ = a_pass(world, watermark)
    assert all(first[each] == again[each] for each in again)


def test_a_deletion_after_the_watermark_is_a_tombstone(world, names):
    record_id = world.user_create({names.name: "Ann"})
    _, watermark, _ = a_pass(world)
    world.later()
    world.user_delete(record_id)
    world.later()
    found, _, _ = a_pass(world, watermark)
    assert found[record_id].deleted
    assert not found[record_id].values


def test_a_deletion_is_told_even_after_passes_that_ran_at_the_same_time(world, names):
    record_id = world.user_create({names.name: "Ann"})
    _, watermark, _ = a_pass(world)
    world.later()
    world.user_delete(record_id)
    told = []
    for _ in range(3):
        found, watermark, _ = a_pass(world, watermark)
        told += [record for record in found.values() if record.deleted]
        world.later()
    assert record_id in [record.id for record in told]


def test_many_changes_of_one_moment_cross_page_boundaries_whole(world, names):
    made = {world.user_create({names.name: f"n{number}"}) for number in range(7)}
    found, _, _ = a_pass(world)
    assert set(found) == made


def test_rows_that_become_visible_late_are_not_skipped(world, names):
    early = world.user_create({names.name: "early"})
    late = world.user_create_late({names.name: "late"})
    world.later()
    after = world.user_create({names.name: "after"})
    first, watermark, _ = a_pass(world)
    assert set(first) == {early, after}
    world.commit_late()
    second, _, _ = a_pass(world, watermark)
    assert late() in second


def test_an_old_watermark_is_always_safe(world, names):
    _, watermark, _ = a_pass(world)
    world.later()
    made = {world.user_create({names.name: f"n{number}"}) for number in range(5)}
    for _page in world.gateway.changed_since("account", [names.name], watermark):
        break
    found, _, _ = a_pass(world, watermark)
    assert made <= set(found)


def test_deletions_that_the_vendor_forgot_lead_to_a_complete_pass_with_a_note(world, names):
    kept = world.user_create({names.name: "Ann"})
    lost = world.user_create({names.name: "Bob"})
    _, watermark, _ = a_pass(world)
    world.later()
    world.user_delete(lost)
    world.forget_deletions()
    found, _, last = a_pass(world, watermark)
    assert last.complete
    assert last.note
    assert {record.id for record in found.values() if not record.deleted} == {kept}


def test_our_own_write_comes_back_with_the_version_it_reported(world, crm, names):
    _, watermark, _ = a_pass(world)
    world.later()
    written = crm.create("account", {names.name: "Ann"}, (names.key, "k1"))
    found, _, _ = a_pass(world, watermark)
    assert found[written.id].version == written.version


def test_a_field_that_does_not_exist_is_named(crm, names):
    with pytest.raises(Misconfigured) as caught:
        list(crm.changed_since("account", [names.name, "Nowhere__c"], None))
    assert caught.value.fields == ("Nowhere__c",)


# Reading by id and by value


def test_records_come_in_the_order_asked_for_and_missing_ones_as_tombstones(world, crm, names):
    first, gone, last = (world.user_create({names.name: each}) for each in ("a", "b", "c"))
    world.user_delete(gone)
    found = crm.read("account", [last, gone, first, world.never_made, last], [names.name])
    assert [record.id for record in found] == [last, gone, first, world.never_made, last]
    assert [record.deleted for record in found] == [False, True, False, True, False]
    assert [record.values.get(names.name) for record in found] == ["c", None, "a", None, "c"]


def test_reading_nothing_is_nothing(crm, names):
    assert crm.read("account", [], [names.name]) == ()


@pytest.mark.parametrize(
    "text", ["O'Neil", 'a "b" c', "back\\slash", "Süß & Söhne %_", "x' OR Name != '", "日本"]
)
def test_find_takes_the_value_as_it_is(world, crm, names, text):
    record_id = world.user_create({names.name: text})
    world.user_create({names.name: "somebody else"})
    assert [record.id for record in crm.find("account", names.name, text, [names.name])] == [record_id]


def test_find_ignores_case_but_wants_the_whole_value(world, crm, names):
    record_id = world.user_create({names.name: "Acme Inc"})
    assert [record.id for record in crm.find("account", names.name, "ACME inc", [])] == [record_id]
    assert crm.find("account", names.name, "Acme", []) == ()


def test_find_passes_over_deleted_records(world, crm, names):
    world.user_delete(world.user_create({names.name: "Ann"}))
    assert crm.find("account", names.name, "Ann", []) == ()


def test_find_gives_all_of_many(world, crm, names):
    made = {world.user_create({names.name: "same"}) for _ in range(5)}
    assert {record.id for record in crm.find("account", names.name, "same", [])} == made


# Values


def test_values_keep_their_types(world, crm, names):
    moment = datetime(2026, 8, 1, 10, 0, 5, tzinfo=UTC)
    values = {names.name: "Ann", names.money: Decimal("1234.50"), names.moment: moment, names.city: "Köln"}
    written = crm.create("account", values, (names.key, "k1"))
    found = read_one(world, written.id, *values).values
    assert found == values
    assert isinstance(found[names.money], Decimal)
    assert found[names.moment].utcoffset().total_seconds() == 0


def test_none_clears_and_what_is_not_named_stays(world, crm, names):
    record_id = world.user_create({names.name: "Ann", names.city: "Bonn", names.status: "Queued"})
    crm.update("account", record_id, {names.city: None}, None)
    found = read_one(world, record_id, names.name, names.city, names.status).values
    assert found == {names.name: "Ann", names.city: None, names.status: "Queued"}


def test_descriptions_tell_what_a_mapping_must_know(crm, names):
    known = {info.name: info for info in crm.describe("account")}
    assert known[names.name].required
    assert known[names.name].type == "text"
    assert known[names.name].length == 255
    assert not known[names.city].required
    assert known[names.key].external_key
    assert known[names.key].unique
    assert known[names.money].type == "decimal"
    assert known[names.moment].type == "datetime"
    assert "To be Linked" in known[names.status].choices


# Writing


def test_a_created_record_is_there_as_written(world, crm, names):
    written = crm.create("account", {names.name: "Ann"}, None)
    assert written.created
    found = read_one(world, written.id, names.name)
    assert (found.version, found.values) == (written.version, {names.name: "Ann"})


def test_the_same_key_never_makes_two(world, crm, names):
    first = crm.create("account", {names.name: "Ann"}, (names.key, "acme:account:1"))
    second = crm.create("account", {names.name: "Bob"}, (names.key, "acme:account:1"))
    assert (first.created, second.created) == (True, False)
    assert first.id == second.id
    assert [record.id for record in crm.find("account", names.key, "acme:account:1", [])] == [first.id]
    assert read_one(world, first.id, names.name).values == {names.name: "Bob"}


def test_threads_with_one_key_make_one_record(crm, names):
    with ThreadPoolExecutor(6) as pool:
        written = list(
            pool.map(lambda n: crm.create("account", {names.name: f"n{n}"}, (names.key, "k1")), range(6))
        )
    assert len({each.id for each in written}) == 1
    assert [each.created for each in written].count(True) == 1


def test_keys_differ_by_more_than_case(crm, names):
    first = crm.create("account", {names.name: "Ann"}, (names.key, "acme:a"))
    assert crm.create("account", {names.name: "Ann"}, (names.key, "ACME:A")).id == first.id


@pytest.mark.parametrize(
    "value", ["a/b", "a b", "a+b", "a%2Fb", "a?b=c", "a#b", "80000001-1234567890", "ü", "a&b", "x@y.inc"]
)
def test_a_key_may_hold_any_characters(world, crm, names, value):
    first = crm.create("account", {names.name: "Ann"}, (names.key, value))
    second = crm.create("account", {names.name: "Ann"}, (names.key, value))
    assert first.id == second.id
    assert read_one(world, first.id, names.key).values == {names.key: value}


def test_a_field_that_is_no_unique_key_is_refused_as_one(crm, names):
    with pytest.raises(Misconfigured):
        crm.create("account", {}, (names.city, "Bonn"))


def test_an_update_at_the_read_version_is_made_and_the_next_needs_its_own(world, crm, names):
    record_id = world.user_create({names.name: "Ann"})
    world.later()
    before = read_one(world, record_id).version
    written = crm.update("account", record_id, {names.name: "Bob"}, before)
    assert (written.id, written.created) == (record_id, False)
    assert read_one(world, record_id, names.name).values == {names.name: "Bob"}
    world.later()
    with pytest.raises(Stale):
        crm.update("account", record_id, {names.name: "Eve"}, before)
    crm.update("account", record_id, {names.name: "Eve"}, written.version)


def test_a_stale_update_changes_nothing(world, crm, names):
    record_id = world.user_create({names.name: "Ann"})
    before = read_one(world, record_id).version
    world.later()
    world.user_edit(record_id, {names.city: "Bonn"})
    with pytest.raises(Stale) as caught:
        crm.update("account", record_id, {names.name: "Bob"}, before)
    assert caught.value.record == record_id
    assert read_one(world, record_id, names.name, names.city).values == {
        names.name: "Ann",
        names.city: "Bonn",
    }


def test_an_update_without_a_version_is_made_whatever_happened(world, crm, names):
    record_id = world.user_create({names.name: "Ann"})
    world.user_edit(record_id, {names.city: "Bonn"})
    crm.update("account", record_id, {names.name: "Bob"}, None)
    assert read_one(world, record_id, names.name).values == {names.name: "Bob"}


@pytest.mark.parametrize("conditional", [True, False])
def test_an_update_of_a_deleted_record_is_missing(world, crm, names, conditional):
    record_id = world.user_create({names.name: "Ann"})
    version = read_one(world, record_id).version if conditional else None
    world.user_delete(record_id)
    with pytest.raises(Missing):
        crm.update("account", record_id, {names.name: "Bob"}, version)


def test_a_unique_value_that_is_taken_names_its_holder_and_changes_nothing(world, crm, names):
    holder = world.user_create({names.name: "Ann", names.unique: "80000001-1"})
    other = world.user_create({names.name: "Bob"})
    with pytest.raises(Duplicate) as caught:
        crm.update("account", other, {names.unique: "80000001-1"}, None)
    assert caught.value.existing_id == holder
    assert names.unique in caught.value.fields
    with pytest.raises(Duplicate):
        crm.create("account", {names.name: "Eve", names.unique: "80000001-1"}, (names.key, "k1"))
    assert crm.find("account", names.key, "k1", []) == ()


def test_a_text_that_is_too_long_is_the_records_fault_and_names_the_field(world, crm, names):
    record_id = world.user_create({names.name: "Ann"})
    with pytest.raises(Rejected) as caught:
        crm.update("account", record_id, {names.name: "x" * 256}, None)
    assert names.name in caught.value.fields


def test_a_missing_required_field_is_named(crm, names):
    with pytest.raises(Rejected) as caught:
        crm.create("account", {names.city: "Bonn"}, (names.key, "k1"))
    assert caught.value.fields == (names.name,)


def test_a_choice_that_does_not_exist_is_refused(world, crm, names):
    record_id = world.user_create({names.name: "Ann"})
    with pytest.raises(Rejected):
        crm.update("account", record_id, {names.status: "Linked by magic"}, None)


def test_a_write_to_a_field_that_does_not_exist_is_a_matter_of_the_set_up(world, crm, names):
    record_id = world.user_create({names.name: "Ann"})
    with pytest.raises(Misconfigured):
        crm.update("account", record_id, {"Nowhere__c": "x"}, None)


def test_a_check_says_that_all_is_well(crm):
    check = crm.check()
    assert check.ok
    assert check.text


# Everything at once

STEPS = st.lists(
    st.sampled_from(
        ["create", "edit", "delete", "late", "commit", "later", "pass", "abandoned pass", "our write"]
    ),
    max_size=25,
)


class Follower:
    """Keeps a copy of a CRM by passes alone, as the sync engine does, while users and we work in it."""

    def __init__(self, world):
        self.world = world
        self.copy = {}
        self.watermark = None
        self.made = []
        self.turn = 0

    def do(self, step):
        self.turn += 1
        getattr(self, step.replace(" ", "_"))()

    def create(self):
        self.made.append(self.world.user_create({self.world.names.name: f"n{self.turn}"}))

    def edit(self):
        if self.made:
            self.world.user_edit(self._one(), {self.world.names.name: f"n{self.turn}"})

    def our_write(self):
        if self.made:
            self.world.gateway.update("account", self._one(), {self.world.names.name: f"n{self.turn}"}, None)

    def delete(self):
        if self.made:
            self.world.user_delete(self.made.pop(self.turn % len(self.made)))

    def late(self):
        self.world.user_create_late({self.world.names.name: f"n{self.turn}"})

    def commit(self):
        self.world.commit_late()

    def later(self):
        self.world.later()

    def abandoned_pass(self):
        """Delivered in part and stored; the watermark stays where it was."""
        for page in self.world.gateway.changed_since("account", [self.world.names.name], self.watermark):
            self._store(page)
            break

    def pass_(self):
        seen = {}
        for page in self.world.gateway.changed_since("account", [self.world.names.name], self.watermark):
            self._store(page)
            seen |= {record.id: record for record in page.records}
        if page.complete:
            self.copy = {each: values for each, values in self.copy.items() if each in seen}
        self.watermark = page.watermark

    def _one(self):
        return self.made[self.turn % len(self.made)]

    def _store(self, page):
        for record in page.records:
            if record.deleted:
                self.copy.pop(record.id, None)
            else:
                self.copy[record.id] = record.values


@pytest.mark.parametrize("name", WORLDS)
@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_a_copy_kept_by_passes_ends_equal(name, steps):
    world = WORLDS[name]()
    try:
        follower = Follower(world)
        for step in steps:
            follower.do("pass_" if step == "pass" else step)
        follower.commit()
        for _ in range(2):
            follower.later()
            follower.pass_()
        truth, _, _ = a_pass(world)
        assert follower.copy == {record.id: record.values for record in truth.values()}
    finally:
        world.close()
