"""Every field of every request: built as the official schema allows it, spoilt in each way and refused by its path."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from lxml import etree

from qbxml import InvalidRequest, Request, build, fields, read_request, tables, validate
from qbxml.negotiate import KNOWN
from tests.conftest import SHARED
from tests.qbxml.smallest import Place, both_sides, choices, places, smallest
from tests.qbxml.trees import fullest

REQUESTS = tables.requests()
XSD = SHARED / "reference" / "qbxml" / "qbxmlops130.xsd"


@cache
def official() -> etree.XMLSchema:
    if not XSD.is_file():
        pytest.skip("the XSD of qbXML 13.0 is not beside this checkout")
    return etree.XMLSchema(etree.parse(str(XSD)))


def allowed(text: str) -> bool:
    return bool(official().validate(etree.fromstring(text.encode())))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


def told(request: Request, version: str = "13.0") -> list[tuple[str, str]]:
    return [(found.path, found.rule) for found in validate(request, version)]


# -- what is valid is built, and built validly --------------------------------------------------------


def test_every_field_of_every_request_is_built_as_the_official_schema_allows(
    rng: random.Random, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    built: Counter[str] = Counter()
    never: set[str] = set()
    for message in REQUESTS:
        wanted = {field.path for field in fields(message)}
        made = [place.request(rng) for place in places(message)]
        text = build(made)
        assert allowed(text), f"{message}: {official().error_log.last_error}"
        assert read_request(text).requests == tuple(made)
        seen = {"/".join(path) for path in _paths(etree.fromstring(text.encode())[0])}
        built[message] = len(made)
        never |= wanted - seen
    counts = f"{len(REQUESTS)} requests, {built.total()} trees, {sum(map(len, map(fields, REQUESTS)))} fields"
    record_property("generated", counts)
    with capsys.disabled():
        print(f"\n  built and allowed by the official schema: {counts}, {len(never)} never generated")
    assert never == set()
    assert built.total() > 5_000


def _paths(message_set: etree._Element) -> Iterator[tuple[str, ...]]:
    for node in message_set.iter():
        names = [str(node.tag), *(str(above.tag) for above in node.iterancestors())]
        yield tuple(reversed(names[:-2]))


@pytest.mark.parametrize("message", REQUESTS)
def test_the_order_of_the_keys_never_matters(message: str, rng: random.Random) -> None:
    for choice in range(3):
        values = fullest(tables.shape(message), choice)
        assert build([Request(message, _shuffled(values, rng))]) == build([Request(message, values)])


def _shuffled(values: Any, rng: random.Random) -> Any:
    if isinstance(values, list):
        return [_shuffled(item, rng) for item in values]
    if not isinstance(values, dict):
        return values
    names = rng.sample(list(values), len(values))
    return {name: _shuffled(values[name], rng) for name in names}


# -- each kind of violation, at every field where it can be -------------------------------------------

Spoil = Callable[[Place], Iterator[Callable[[dict[str, Any], str], None]]]


def _put(value: Any) -> Callable[[dict[str, Any], str], None]:
    return lambda values, name: values.__setitem__(name, [value] if isinstance(values[name], list) else value)


def _long(place: Place) -> Iterator[Callable[[dict[str, Any], str], None]]:
    element = place.element
    if element.type in ("STR", "ID") and element.length and not element.enum:
        yield _put("x" * (element.length + 1))


def _of_another_type(place: Place) -> Iterator[Callable[[dict[str, Any], str], None]]:
    yield _put(None)
    yield _put(1.5)
    if place.element.type == "AMT":
        yield _put("97.5")


def _outside_the_enumeration(place: Place) -> Iterator[Callable[[dict[str, Any], str], None]]:
    if place.element.enum:
        yield _put("Bogus")
        yield _put(f"{place.element.enum[0]} ")


def _unkept_characters(place: Place) -> Iterator[Callable[[dict[str, Any], str], None]]:
    if place.element.type == "STR" and not place.element.enum:
        yield _put("ł")
        yield _put("\x01")


def _emptied(place: Place) -> Iterator[Callable[[dict[str, Any], str], None]]:
    if place.element.enum or place.element.type in ("INT", "GUID"):
        yield _put("")


SPOILT: dict[str, Spoil] = {
    "length": _long,
    "type": _of_another_type,
    "enum": _outside_the_enumeration,
    "character": _unkept_characters,
    "empty": _emptied,
}


@pytest.mark.parametrize("rule", SPOILT)
def test_a_wrong_value_is_refused_by_its_path_in_every_field(
    rule: str, rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 0
    for place in _every_place():
        good = place.request(rng)
        for change in SPOILT[rule](place):
            assert told(place.spoilt(good, change)) == [(place.path, rule)]
            count += 1
    _say(capsys, rule, count)
    assert count > 500


def _every_place() -> Iterator[Place]:
    return (place for message in REQUESTS for place in places(message))


def _say(capsys: pytest.CaptureFixture[str], rule: str, count: int) -> None:
    with capsys.disabled():
        print(f"\n  refused by path, rule {rule}: {count}")


def test_an_unknown_field_is_refused_by_its_path_in_every_aggregate(
    rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: set[str] = set()
    for place in _every_place():
        if place.above not in seen:
            seen.add(place.above)
            bad = place.spoilt(place.request(rng), lambda values, _: values.update(Bogus="x"))
            assert told(bad) == [(f"{place.above}/Bogus", "unknown")]
    _say(capsys, "unknown", len(seen))


def test_a_field_given_too_often_is_refused_by_its_path(
    rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 0
    for message in REQUESTS:
        for place in places(message, leaves_only=False):
            element, good = place.element, place.request(rng)
            if element.listed and (element.high is None or element.alternates):
                continue
            often = (element.high or 1) + 1 if element.listed else 2
            bad = place.spoilt(
                good, lambda values, name, often=often: values.update({name: _times(values[name], often)})
            )
            assert told(bad) == [(place.list_path, "repeat")]
            count += 1
    _say(capsys, "repeat", count)
    assert count > 1_000


def _times(value: Any, often: int) -> list[Any]:
    return (value if isinstance(value, list) else [value])[:1] * often


def test_a_field_that_is_left_out_is_refused_exactly_where_the_official_schema_misses_it(
    rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = 0
    for message in REQUESTS:
        for place in places(message, leaves_only=False):
            good = place.request(rng)
            bare = place.spoilt(good, lambda values, name: values.pop(name))
            found = told(bare)
            document = build([good])
            assert (found == []) == allowed(_without(document, place.names)), (place.path, found)
            if found:
                assert found[0] in ((place.list_path, "missing"), (place.above, "missing"))
                refused += 1
    _say(capsys, "missing", refused)
    assert refused > 500


def _without(document: str, names: tuple[str, ...]) -> str:
    """The document without the element (and its repetitions) at a path below its only request."""
    root = etree.fromstring(document.encode())
    nodes = [root[0][0]]
    for name in names:
        nodes = [child for node in nodes[:1] for child in node.iterchildren(name)]
    for node in nodes:
        node.getparent().remove(node)
    return etree.tostring(root, encoding="unicode")


def test_two_sides_of_a_choice_are_refused_by_the_path_they_stand_in(
    rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 0
    for message in REQUESTS:
        top = tables.shape(message)
        for group in choices(top):
            both = both_sides(smallest(top, (), rng), group, rng)
            count += both is not None and _is_refused_as_a_choice(Request(message, both), message)
        for place in places(message, leaves_only=False):
            if place.element.is_leaf:
                continue
            for group in choices(place.element.of):
                inside = both_sides(smallest(place.element.of, (), rng), group, rng)
                if inside is not None:
                    bad = place.spoilt(place.request(rng), _put(inside))
                    count += _is_refused_as_a_choice(bad, place.path)
    _say(capsys, "choice", count)
    assert count > 100


def _is_refused_as_a_choice(request: Request, path: str) -> bool:
    assert (path, "choice") in told(request), (request.name, path)
    return True


def test_a_field_too_new_for_the_company_is_refused_by_its_path_and_version(
    rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 0
    for message in REQUESTS:
        for place in places(message, leaves_only=False):
            since = place.since
            older = KNOWN[: KNOWN.index(since)]
            request = place.request(rng)
            assert [
                one for one in validate(request, since) if one.rule == "version" and one.path in place.path
            ] == []
            if older:
                (found, *_) = [one for one in validate(request, older[-1]) if one.rule == "version"]
                assert place.path.startswith(found.path)
                assert found.since == since
                assert found.text.endswith(f"needs qbXML {since}, this company speaks {older[-1]}")
                count += 1
    _say(capsys, "version", count)
    assert count > 1_000


def test_a_spoilt_request_is_never_built(rng: random.Random) -> None:
    for message in REQUESTS:
        bad = Request(message, {**smallest(tables.shape(message), (), rng), "Bogus": "x"})
        with pytest.raises(InvalidRequest) as refusal:
            build([bad])
        assert [found.path for found in refusal.value.violations] == [f"{message}/Bogus"]
