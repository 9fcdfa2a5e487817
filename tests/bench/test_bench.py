from __future__ import annotations

import json
import pstats
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select

from qbwc_server.store import records
from qbwc_server.store.database import Database
from qbwc_server.store.tables import record_keys
from qbwc_server.store.tables import records as records_table
from tests.bench import company, installations, large, stored, visits
from tests.bench.connector import envelope
from tests.bench.customers import (
    BYTES_EACH,
    answer_of,
    customer,
    email,
    escaped,
    list_id,
    name_of,
    wrong_records,
)
from tests.bench.figures import TARGETS, Figure, Target, plain
from tests.bench.installations import Installations
from tests.bench.measure import GROUPS, as_json, measured, report
from tests.bench.processes import serving, tree
from tests.bench.sizes import QUICK, Sizes
from tests.databases import PostgresDatabases
from tests.postgres import Cluster

REQUEST = '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq>{}</QBXMLMsgsRq></QBXML>'
CUSTOMERS = REQUEST.format('<CustomerQueryRq requestID="read-1" iterator="Start"/>')
FLOOR = Target(at_least=0.5, goal=0.6)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    databases: PostgresDatabases = request.getfixturevalue("_postgresql")
    return databases.cluster


@pytest.fixture(scope="module")
def figures(cluster: Cluster) -> list[Figure]:
    """Everything, in tiny: the groups at the same time, for here nobody reads what they measure."""
    with ThreadPoolExecutor(len(GROUPS)) as pool:
        found = pool.map(lambda group: list(measured(cluster, QUICK, [group])), GROUPS)
        return [one for group in found for one in group]


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Installations:
    return Installations(tmp_path, None)


# --- the figures ---


def test_every_figure_is_computed(figures: Sequence[Figure]) -> None:
    assert TARGETS.keys() <= {one.name for one in figures}
    assert [one.name for one in figures if len(one.values) != QUICK.rounds] == []
    taken = [one for one in figures if "memory" not in one.name]
    assert [one.name for one in taken if min(one.values) <= 0] == []


def test_a_figure_that_misses_its_target_is_said_to_miss(figures: Sequence[Figure]) -> None:
    out_of_reach = {name: Target(at_least=1e9) for name in TARGETS}
    said = report(figures, out_of_reach)
    assert said.count(" MISSES ") == len(TARGETS)
    assert f"{len(TARGETS)} of {len(TARGETS)} targets missed: " in said
    assert all(name in said.rpartition("missed: ")[2] for name in TARGETS)


def test_figures_that_meet_their_targets_are_not_said_to_miss(figures: Sequence[Figure]) -> None:
    said = report(figures, {name: Target(at_most=1e9) for name in TARGETS})
    assert "MISSES" not in said
    assert "missed" not in said


@pytest.mark.parametrize(
    ("target", "values", "verdict"),
    [
        (FLOOR, (0.49,), "MISSES"),
        (FLOOR, (0.5,), "meets the target"),
        (FLOOR, (0.6,), "meets the goal"),
        (FLOOR, (0.1, 0.2, 0.55, 0.7, 0.9), "meets the target"),
        (FLOOR, (0.1, 0.2, 0.45, 0.9, 0.9), "MISSES"),
        (Target(at_most=25), (25.0,), "meets the target"),
        (Target(at_most=25), (25.1,), "MISSES"),
        (FLOOR, (), "VOID"),
    ],
)
def test_the_median_of_the_rounds_is_held_against_the_target(
    target: Target, values: tuple[float, ...], verdict: str
) -> None:
    assert Figure("speed", "x", values).verdict({"speed": target}) == verdict


def test_a_void_figure_counts_as_missed_and_says_why() -> None:
    said = report([Figure("speed", "x", (), "the server refused it")], {"speed": FLOOR})
    assert "VOID" in said
    assert "the server refused it" in said
    assert "1 of 1 targets missed: speed." in said


def test_json_has_each_figure_with_its_rounds_and_its_verdict(figures: Sequence[Figure]) -> None:
    told = json.loads(as_json(figures, 1.0))
    assert told["figures"] == json.loads(json.dumps(plain(figures)))
    one = next(figure for figure in told["figures"] if figure["name"] == "large answer, PostgreSQL")
    assert one["median"] == one["values"][0]
    assert one["target"]["goal"] == 0.6
    assert one["verdict"] in ("MISSES", "meets the target", "meets the goal")


def test_an_idle_visit_is_counted_with_its_greetings(figures: Sequence[Figure]) -> None:
    notes = {one.name: one.note for one in figures}
    assert notes["idle visit"].startswith("6 calls, on PostgreSQL")


def test_a_tiny_sync_is_measured_on_both_lines_and_against_the_least(figures: Sequence[Figure]) -> None:
    notes = {one.name: one.note for one in figures}
    each = ("", ", CRM calls", ", server CPU", ", SOAP calls", ", peak memory")
    assert {f"{name}{what}" for name in ("first sync", "change sync") for what in each} <= notes.keys()
    assert "1 is 9: 6 pages, 3 writes" in notes["first sync, CRM calls"]
    assert "1 is 9: 6 pages, 3 writes" in notes["change sync, CRM calls"]


def test_a_company_file_is_read_back_as_it_was_seeded(figures: Sequence[Figure], tmp_path: Path) -> None:
    notes = {one.name: one.note for one in figures}
    done = company.work(tmp_path / "again.sqlite", QUICK.many_seeded)
    assert done.records >= QUICK.many_seeded
    assert notes["company file, paging"].startswith(f"{done.records} customers and jobs")


def test_pages_that_lack_a_customer_are_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "LIST_ID", re.compile("<ListID>(80000001-[^<]*)<"))
    with pytest.raises(ValueError, match="the pages hold"):
        company.work(tmp_path / "lacking.sqlite", 5)


# --- what makes a figure void ---


def test_an_answer_that_the_server_refuses_makes_the_figure_void(
    on_sqlite: Installations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installations, "BODY_MB", 1)
    speed, _ = large.speed(on_sqlite, Sizes(rounds=1, customers=400))
    assert speed.values == ()
    assert "413" in speed.note


def test_lxml_seeing_other_customers_makes_the_figure_void() -> None:
    values = {"ticket": "", "response": answer_of(CUSTOMERS, 3), "hresult": "", "message": ""}
    body = envelope("receiveResponseXML", values)
    assert large.floor_seconds(body, 3) > 0
    with pytest.raises(large.Void, match="3 of 4"):
        large.floor_seconds(body, 4)


def as_stored(number: int) -> dict[str, object]:
    """As the product is to hold it: flags as flags, wall times without offset."""
    sent = customer(number)
    whole = {"Sublevel": 0, "IsActive": sent["IsActive"] == "true"}
    return sent | whole | {name: sent[name][:19] for name in ("TimeCreated", "TimeModified")}


def test_customers_that_are_stored_as_sent_are_right() -> None:
    assert wrong_records({list_id(number): as_stored(number) for number in range(3)}, 3) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Phone": "1"}, "differs in ['/Phone']"),
        ({"IsActive": True}, "differs in ['/IsActive']"),
        ({"BillAddress": {}}, "'/BillAddress/City'"),
        ({"Extra": "1"}, "differs in ['/Extra']"),
    ],
)
def test_a_customer_that_is_stored_otherwise_is_wrong(change: dict[str, object], said: str) -> None:
    (wrong,) = wrong_records({list_id(0): as_stored(0) | change}, 1)
    assert said in wrong


def test_a_missing_customer_and_a_strange_one_are_wrong() -> None:
    assert len(wrong_records({list_id(0): as_stored(0), list_id(7): as_stored(7)}, 2)) == 2


# --- what is posted and stored ---


def test_customers_differ_and_have_their_size() -> None:
    for differing in (name_of, email, list_id):
        assert len({differing(number) for number in range(1000)}) == 1000
    # & < and > take three to four characters more once they are escaped.
    assert BYTES_EACH * 1.3 < len(escaped(100)) / 100 < BYTES_EACH * 1.4
    assert max(len(name_of(number)) for number in range(1000)) <= 41


def test_no_customers_are_given_to_whom_asks_for_none() -> None:
    with pytest.raises(ValueError, match="no customers are asked for"):
        answer_of(REQUEST.format('<HostQueryRq requestID="1"/>'), 1)


def test_filled_records_are_found_by_the_product(database: Database) -> None:
    before = shape(database)
    stored.fill(database, 60)
    assert shape(database) == before
    with database.read() as tx:
        assert tx.execute(select(func.count()).select_from(records_table)).scalar_one() == 60
        assert tx.execute(select(func.count()).select_from(record_keys)).scalar_one() == 120
        name = name_of(7).lower()
        assert records.holders(tx, "shop", "books", "Customer", "name", name) == [list_id(7)]
        assert records.holders(tx, "org", "crm", "account", "id", list_id(7)) == [stored.account_id(7)]
        found = records.record(tx, "shop", "books", "Customer", list_id(7))
        assert found is not None
        assert found.values["Name"] == name_of(7)


def shape(database: Database) -> list[object]:
    """Keys and indexes of the two tables."""
    seen = inspect(database.engine)
    return [
        look(table)
        for table in (records_table.name, record_keys.name)
        for look in (seen.get_pk_constraint, lambda name: sorted(map(str, seen.get_indexes(name))))
    ]


# --- nothing stays behind ---


def test_a_server_ends_with_its_block_and_its_home_goes(on_sqlite: Installations) -> None:
    with on_sqlite.fresh("sqlite") as fresh, serving(fresh.home) as server:
        assert server.page() == 200
        assert len(tree(server.pid)) == 2
        assert fresh.home.is_dir()
    assert tree(server.pid) == []
    # Its port may be somebody else's by now.
    assert not fresh.home.exists()


def test_a_profile_tells_of_the_calls(on_sqlite: Installations, tmp_path: Path) -> None:
    visits.profile(on_sqlite, QUICK, tmp_path / "where.pstats")
    names = {name for _, _, name in pstats.Stats(str(tmp_path / "where.pstats")).stats}  # type: ignore[attr-defined]
    assert {"receive_response_xml", "authenticate"} <= names
