"""Working in a simulated company file from the command line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Line


class Books:
    """A company file that was seeded, and commands typed at it."""

    def __init__(self, line: Line, file: Path) -> None:
        self.line = line
        self.file = str(file)
        line.says("simulate", "company", "new", self.file, "--name", "Acme")
        seeded = ("--customers", "3", "--items", "3", "--invoices", "4", "--seed", "2")
        self.seeded = self.says("seed", *seeded)

    def says(self, command: str, *words: str) -> str:
        return self.line.says("simulate", "company", command, self.file, *words)

    def refuses(self, command: str, *words: str) -> str:
        return self.line.refuses("simulate", "company", command, self.file, *words)

    def one(self, query: str) -> object:
        [row] = self.line.json("simulate", "company", "sql", self.file, query)
        return next(iter(row.values()))


@pytest.fixture
def books(line: Line, tmp_path: Path) -> Books:
    return Books(line, tmp_path / "books.sqlite")


@pytest.fixture
def customer(books: Books) -> str:
    return str(books.one("SELECT name FROM customers WHERE parent IS NULL ORDER BY name LIMIT 1"))


def test_a_company_is_seeded_with_all_it_has(books: Books) -> None:
    assert "3 customers" in books.seeded
    assert "3 items, 4 invoices entered into" in books.seeded
    result = books.line("simulate", "company", "seed", books.file)
    assert (result.exit_code, "Say how many" in result.output) == (2, True)


def test_any_kind_of_record_is_shown(books: Books) -> None:
    assert len(books.says("show", "--kind", "Invoice").splitlines()) == 5
    assert "RefNumber: 1" in books.says("show", "1", "--kind", "Invoice")
    assert (
        books.line.json("simulate", "company", "show", books.file, "1", "--kind", "Invoice")["RefNumber"]
        == "1"
    )
    assert "Check" in books.says("show", "--kind", "PaymentMethod")
    assert "no kind of record" in books.refuses("show", "--kind", "Moon")


def test_sql_tells_its_views_and_changes_nothing(books: Books) -> None:
    assert "invoice_lines" in books.says("sql")
    assert "not changed" in books.refuses("sql", "DELETE FROM txn")
    assert books.one("SELECT count(*) FROM invoices") == 4


def test_people_take_money_rename_and_delete(books: Books, customer: str) -> None:
    before = books.one("SELECT count(*) FROM payments")
    assert "Payment" in books.says("take-payment", customer, "5.00", "--method", "Check")
    assert books.one("SELECT count(*) FROM payments") == int(str(before)) + 1
    books.says("rename", customer, "Zed Ltd")
    assert books.one("SELECT count(*) FROM customers WHERE name = 'Zed Ltd'") == 1
    assert "3160" in books.refuses("delete", "Zed Ltd")
    books.says("delete", "1", "--kind", "Invoice")
    assert books.one("SELECT count(*) FROM invoices") == 3


def test_people_merge_void_and_type_amounts(books: Books, customer: str) -> None:
    books.says("edit-amount", "1", "9.00")
    assert books.one("SELECT money(amount_cents) FROM invoice_lines WHERE ref_number = '1' LIMIT 1") == "9.00"
    assert "no line 99" in books.refuses("edit-amount", "1", "9.00", "--line", "99")
    books.says("void", "1")
    assert books.one("SELECT is_void FROM invoices WHERE ref_number = '1'") == 1
    other = str(books.one("SELECT name FROM customers WHERE parent IS NULL ORDER BY name DESC LIMIT 1"))
    assert "merged" in books.says("merge", other, customer)
    assert books.one(f"SELECT count(*) FROM customers WHERE name = '{other}'") == 0


@pytest.mark.parametrize("amount", ["5.123", "five", "NaN", "Infinity"])
def test_what_is_no_amount_is_mistyped(books: Books, customer: str, amount: str) -> None:
    result = books.line("simulate", "company", "take-payment", books.file, customer, amount)
    assert (result.exit_code, "no amount like" in result.output) == (2, True)


def test_closed_books_are_closed_until_they_are_opened(books: Books) -> None:
    books.says("close-books", "2999-12-31")
    assert "3171" in books.refuses("void", "1")
    books.says("close-books")
    books.says("void", "1")


def test_rules_and_preferences_are_moved(books: Books) -> None:
    assert "half_up" in books.says("rule", "tax_rounding")
    assert "half_even now" in books.says("rule", "tax_rounding", "half_even")
    assert books.one("SELECT position FROM rules") == "half_even"
    assert len(books.says("rule").splitlines()) > 50
    assert "no rule 'moon'" in books.refuses("rule", "moon")
    assert "estimates is off" in books.says("prefer", "estimates", "off")


def test_an_endpoint_says_where_it_is_and_stops(books: Books) -> None:
    said = books.says("serve", "--port", "0", "--for", "0")
    assert "Acme answers at http://127.0.0.1:" in said
    assert said.endswith("Stopped.\n")


def test_a_file_of_an_earlier_version_is_told_in_a_sentence(books: Books) -> None:
    with closing(sqlite3.connect(books.file)) as db, db:
        db.execute("UPDATE setting SET value = '1' WHERE name = 'format'")
    for command in (["show"], ["sql", "SELECT 1"], ["seed", "1"], ["rename", "a", "b"]):
        said = books.refuses(*command)
        assert "was made by an earlier version" in said
        assert len(said.splitlines()) == 1
