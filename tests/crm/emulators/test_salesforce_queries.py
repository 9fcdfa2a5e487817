import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.emulators.salesforce import SalesforceEmulator
from crm.emulators.salesforce.errors import ApiError
from crm.emulators.salesforce.soql import parse
from crm.emulators.salesforce.soql_plan import Planner


@pytest.fixture
def books(rest: Any, clock: Any) -> dict[str, str]:
    """Five accounts, one second apart: name, phone, employees."""
    made = {}
    for name, phone, employees in (
        ("Ash", "1", 5),
        ("birch", None, 7),
        ("Cedar", "3", None),
        ("Dög_Wood", "4", 12),
        ("Elm's 100%", "4", 5),
    ):
        clock.tick()
        made[name] = rest.create(Name=name, Phone=phone, NumberOfEmployees=employees)
    return made


WHERE: list[tuple[str, str]] = [
    ("Name = 'ash'", "Ash"),
    ("Name != 'ash'", "birch,Cedar,Dög_Wood,Elm's 100%"),
    ("Phone != '4'", "Ash,birch,Cedar"),
    ("Phone = null", "birch"),
    ("Phone = ''", "birch"),
    ("Phone <> NULL AND NumberOfEmployees = null", "Cedar"),
    ("NumberOfEmployees < 7", "Ash,Elm's 100%"),
    ("NumberOfEmployees >= 7", "birch,Dög_Wood"),
    ("Name IN ('CEDAR', 'nobody')", "Cedar"),
    ("Phone NOT IN ('4', '1')", "birch,Cedar"),
    ("Name LIKE 'd%'", "Dög_Wood"),
    ("Name LIKE '_e%'", "Cedar"),
    ("Name LIKE '%\\_%'", "Dög_Wood"),
    ("Name LIKE '%\\%'", "Elm's 100%"),
    ("Name = 'Elm\\'s 100%'", "Elm's 100%"),
    ("NOT Phone = '4'", "Ash,birch,Cedar"),
    ("(Name = 'Ash' OR Name = 'Cedar') AND Phone = '3'", "Cedar"),
    ("Name = 'Ash' OR (Phone = '4' AND NumberOfEmployees = 12)", "Ash,Dög_Wood"),
    ("NOT (Phone = '4' OR Phone = null)", "Ash,Cedar"),
    ("IsDeleted = false", "Ash,birch,Cedar,Dög_Wood,Elm's 100%"),
    ("IsDeleted = TRUE", ""),
    ("SystemModstamp >= 2026-11-22T06:30:04Z", "Dög_Wood,Elm's 100%"),
    ("SystemModstamp > 2026-11-22T07:30:04+01:00", "Elm's 100%"),
    ("CreatedDate <= 2026-11-22T06:30:01.000+0000", "Ash"),
    ("Owner.Name = 'Integration' AND Name = 'Ash'", "Ash"),
    ("Parent.Name = null AND Name = 'Ash'", "Ash"),
    ("Account.Name = 'Ash'", "Ash"),
]


@pytest.mark.parametrize(("where", "names"), WHERE)
def test_conditions_find_what_soql_says(rest: Any, books: dict[str, str], where: str, names: str) -> None:
    found = [row["Name"] for row in rest.rows(f"SELECT Name FROM Account WHERE {where}")]
    assert sorted(found, key=str.casefold) == [name for name in names.split(",") if name]


ORDER: list[tuple[str, str]] = [
    ("Name", "Ash,birch,Cedar,Dög_Wood,Elm's 100%"),
    ("Name DESC LIMIT 2", "Elm's 100%,Dög_Wood"),
    ("Name ASC LIMIT 2 OFFSET 1", "birch,Cedar"),
    ("NumberOfEmployees, Name", "Cedar,Ash,Elm's 100%,birch,Dög_Wood"),
    ("NumberOfEmployees NULLS LAST, Name DESC", "Elm's 100%,Ash,birch,Dög_Wood,Cedar"),
    ("NumberOfEmployees DESC NULLS LAST, Name", "Dög_Wood,birch,Ash,Elm's 100%,Cedar"),
    ("NumberOfEmployees DESC NULLS FIRST, Name", "Cedar,Dög_Wood,birch,Ash,Elm's 100%"),
]


@pytest.mark.parametrize(("order", "names"), ORDER)
def test_rows_come_in_the_order_asked_for(rest: Any, books: dict[str, str], order: str, names: str) -> None:
    found = [row["Name"] for row in rest.rows(f"SELECT Name FROM Account ORDER BY {order}")]
    assert found == names.split(",")


def test_ids_compare_in_both_forms(rest: Any, books: dict[str, str]) -> None:
    ash, birch = books["Ash"], books["birch"]
    assert rest.rows(f"SELECT Id FROM Account WHERE Id = '{ash[:15]}'")[0]["Id"] == ash
    after = rest.rows(f"SELECT Name FROM Account WHERE Id > '{birch}' ORDER BY Id")
    assert [row["Name"] for row in after] == ["Cedar", "Dög_Wood", "Elm's 100%"]


def test_parents_are_shown_as_objects_of_their_own(rest: Any, books: dict[str, str]) -> None:
    contact = rest.create("Contact", FirstName="Ann", LastName="Ray", AccountId=books["Ash"])
    (row,) = rest.rows("SELECT Name, Account.Name, Account.Phone, Owner.Email FROM Contact")
    assert list(row) == ["attributes", "Name", "Account", "Owner"]
    assert row["Name"] == "Ann Ray"
    assert row["Account"]["attributes"]["type"] == "Account"
    assert (row["Account"]["Name"], row["Account"]["Phone"]) == ("Ash", "1")
    rest.patch(f"sobjects/Contact/{contact}", {"AccountId": None})
    assert rest.rows("SELECT Account.Name FROM Contact")[0]["Account"] is None


def test_count_gives_a_number_and_no_rows(rest: Any, books: dict[str, str]) -> None:
    answer = rest.query("SELECT COUNT() FROM Account WHERE Phone = '4'").json()
    assert answer == {"totalSize": 2, "done": True, "records": []}


def test_deleted_rows_are_seen_by_query_all_until_purged(
    rest: Any, emulator: SalesforceEmulator, books: dict[str, str]
) -> None:
    soql = {"q": "SELECT Id, IsDeleted FROM Account WHERE Name = 'Ash'"}
    rest.delete(f"sobjects/Account/{books['Ash']}")
    assert rest.get("query", params=soql).json()["totalSize"] == 0
    assert rest.get("queryAll", params=soql).json()["records"][0]["IsDeleted"] is True
    emulator.purge(books["Ash"])
    assert rest.get("queryAll", params=soql).json()["totalSize"] == 0


def test_a_merged_account_names_its_winner(
    rest: Any, emulator: SalesforceEmulator, books: dict[str, str]
) -> None:
    contact = rest.create("Contact", LastName="Ray", AccountId=books["birch"])
    emulator.merge(books["Ash"], books["birch"])
    soql = {"q": f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{books['birch']}'"}
    (loser,) = rest.get("queryAll", params=soql).json()["records"]
    assert (loser["IsDeleted"], loser["MasterRecordId"]) == (True, books["Ash"])
    assert rest.read(contact, "Contact")["AccountId"] == books["Ash"]


# refusals

MALFORMED = [
    ("", 1, "<EOF>"),
    ("SELECT FROM Account", 13, "Account"),
    ("SELECT Name Account", 13, "Account"),
    ("SELECT Name FROM Account WHERE", 31, "<EOF>"),
    ("SELECT Name FROM Account WHERE Name = Ash' ", 42, "'"),
    ("SELECT Name FROM Account WHERE Name = 'A' AND Name = 'B' OR Name = 'C'", 58, "OR"),
    ("SELECT Name FROM Account LIMIT many", 32, "many"),
    ("SELECT Name, FROM Account", 19, "Account"),
]


@pytest.mark.parametrize(("soql", "column", "token"), MALFORMED)
def test_what_is_not_soql_is_malformed_at_a_place(
    rest: Any, error_code: Any, soql: str, column: int, token: str
) -> None:
    answer = rest.query(soql)
    assert (answer.status_code, error_code(answer)) == (400, "MALFORMED_QUERY")
    message = answer.json()[0]["message"]
    assert f"ERROR at Row:1:Column:{column}\nunexpected token: '{token}'" in message


def test_the_message_points_at_the_wrong_word(rest: Any) -> None:
    message = rest.query("SELECT Id, Colour FROM Account").json()[0]["message"]
    assert message.split("\n")[1:4] == [
        "SELECT Id, Colour FROM Account",
        "           ^",
        "ERROR at Row:1:Column:12",
    ]
    assert "No such column 'Colour' on entity 'Account'." in message


WRONG_NAMES = [
    ("SELECT Id FROM Acount", "INVALID_TYPE", "sObject type 'Acount' is not supported."),
    ("SELECT Name FROM Account WHERE Colour = 'x'", "INVALID_FIELD", "No such column 'Colour'"),
    ("SELECT Name FROM Account ORDER BY Colour", "INVALID_FIELD", "No such column 'Colour'"),
    ("SELECT Boss.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Boss'"),
    ("SELECT Owner.Shoe FROM Account", "INVALID_FIELD", "No such column 'Shoe' on entity 'User'"),
    ("SELECT Name, name FROM Account", "INVALID_FIELD", "duplicate field selected: name"),
    (
        "SELECT Id FROM Account WHERE SystemModstamp > '2026-11-22T06:30:04Z'",
        "INVALID_FIELD",
        "value of filter criterion for field 'SystemModstamp' must be of type dateTime and should not be "
        "enclosed in quotes",
    ),
    (
        "SELECT Id FROM Account WHERE Name = 5",
        "INVALID_FIELD",
        "value of filter criterion for field 'Name' must be of type string and should be enclosed in quotes",
    ),
    (
        "SELECT Id FROM Account WHERE QB_Sync_Error__c = 'x'",
        "INVALID_FIELD",
        "field 'QB_Sync_Error__c' can not be filtered in a query call",
    ),
    (
        "SELECT Id FROM Account ORDER BY QB_Sync_Error__c",
        "MALFORMED_QUERY",
        "field 'QB_Sync_Error__c' can not be sorted in a query call",
    ),
    ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
]


@pytest.mark.parametrize(("soql", "expected", "words"), WRONG_NAMES)
def test_unknown_names_and_unfit_literals_are_refused(
    rest: Any, error_code: Any, soql: str, expected: str, words: str
) -> None:
    answer = rest.query(soql)
    assert (answer.status_code, error_code(answer)) == (400, expected)
    assert words in answer.json()[0]["message"]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Name, COUNT(Id) FROM Account GROUP BY Name",
        "SELECT Name FROM Account GROUP BY Name",
        "SELECT (SELECT COUNT() FROM Contacts) FROM Account",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)",
        "SELECT Id FROM Account WHERE CreatedDate = TODAY",
        "SELECT FIELDS(ALL) FROM Account LIMIT 1",
        "SELECT Id FROM Account FOR UPDATE",
    ],
)
def test_soql_beyond_the_subset_is_501_and_never_a_guess(rest: Any, error_code: Any, soql: str) -> None:
    answer = rest.query(soql)
    assert (answer.status_code, error_code(answer)) == (501, "NOT_EMULATED")


# pages


def test_pages_follow_a_root_relative_url_until_done(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.seed_accounts(450)
    headers = {"Sforce-Query-Options": "batchSize=200"}
    page = rest.query("SELECT Id FROM Account ORDER BY Id", headers=headers).json()
    seen = list(page["records"])
    sizes = [len(page["records"])]
    while not page["done"]:
        assert page["nextRecordsUrl"].startswith("/services/data/v64.0/query/01g")
        page = rest.get(page["nextRecordsUrl"]).json()
        sizes.append(len(page["records"]))
        seen += page["records"]
    assert sizes == [200, 200, 50]
    assert page["totalSize"] == 450
    assert len({row["Id"] for row in seen}) == 450
    assert "nextRecordsUrl" not in page


@pytest.mark.parametrize(("asked", "size"), [("", 2000), ("batchSize=1", 200), ("batchSize=9999", 2000)])
def test_the_batch_size_has_bounds(rest: Any, emulator: SalesforceEmulator, asked: str, size: int) -> None:
    emulator.seed_accounts(2001)
    answer = rest.query("SELECT Id FROM Account", headers={"Sforce-Query-Options": asked})
    assert len(answer.json()["records"]) == size


def test_a_cursor_keeps_its_ids_and_reads_the_values_late(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.settings.page_size = 2
    first, second, third = emulator.seed_accounts(3)
    page = rest.query("SELECT Id, Name FROM Account ORDER BY Id").json()
    emulator.create("Account", {"Name": "after the query"})
    emulator.edit(third, {"Name": "changed since"})
    last = rest.get(page["nextRecordsUrl"]).json()
    assert [row["Name"] for row in last["records"]] == ["changed since"]
    assert [row["Id"] for row in page["records"]] == [first, second]
    emulator.delete(third)
    assert rest.get(page["nextRecordsUrl"]).json()["records"] == []


def test_a_locator_dies_after_two_days(
    rest: Any, emulator: SalesforceEmulator, clock: Any, error_code: Any
) -> None:
    emulator.settings.page_size = 1
    emulator.seed_accounts(2)
    url = rest.query("SELECT Id FROM Account").json()["nextRecordsUrl"]
    clock.tick(2 * 86400 + 1)
    rest.login(**emulator.credentials())
    for path in (url, "query/01gnonsense-1"):
        answer = rest.get(path)
        assert (answer.status_code, error_code(answer)) == (400, "INVALID_QUERY_LOCATOR")


# properties

texts = st.text(max_size=12)


@given(texts)
def test_any_text_is_read_back_from_its_escaped_literal(text: str) -> None:
    escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    literal = "".join(escapes.get(letter, letter) for letter in text)
    query = parse(f"SELECT Id FROM Account WHERE Name = '{literal}'")
    assert query.where is not None
    assert query.where.operands == (text,)  # type: ignore[union-attr]


@given(st.text(max_size=40))
def test_any_text_is_a_query_or_refused_and_nothing_else(text: str) -> None:
    for soql in (text, f"SELECT Id FROM Account WHERE {text}"):
        assert _outcome(soql) in ("query", "MALFORMED_QUERY", "NOT_EMULATED")


def _outcome(soql: str) -> str:
    try:
        parse(soql)
    except ApiError as refused:
        return refused.code
    return "query"


SIGNS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
comparisons = st.tuples(st.sampled_from(list(SIGNS)), st.integers(0, 6))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    values=st.lists(st.none() | st.integers(0, 6), max_size=6),
    one=comparisons,
    other=comparisons,
    word=st.sampled_from(["AND", "OR"]),
    negated=st.booleans(),
)
def test_conditions_agree_with_python(
    emulator: SalesforceEmulator,
    values: list[int | None],
    one: tuple[str, int],
    other: tuple[str, int],
    word: str,
    negated: bool,
) -> None:
    emulator.reset()
    for value in values:
        emulator.create("Account", {"Name": "x", "NumberOfEmployees": value})
    field = "NumberOfEmployees"
    condition = f"({field} {one[0]} {one[1]} {word} {field} {other[0]} {other[1]})"
    soql = f"SELECT Id FROM Account WHERE {'NOT ' * negated}{condition}"
    plan = Planner(emulator.org.schema, emulator.org.rows, "").plan(soql, with_deleted=False)

    def holds(value: int | None) -> bool:
        results = [_holds(value, *comparison) for comparison in (one, other)]
        return (all(results) if word == "AND" else any(results)) is not negated

    assert len(plan.ids) == sum(map(holds, values))


def _holds(value: int | None, sign: str, limit: int) -> bool:
    if value is None:
        return sign == "!="
    return SIGNS[sign](value, limit)
