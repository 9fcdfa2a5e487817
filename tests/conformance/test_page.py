"""The table of behaviours tells what is tested."""

from tests.conformance import page


def test_the_table_of_behaviours_is_that_of_the_tests() -> None:
    text = page.README.read_text()
    assert text == page.written(text), "run: python -m tests.conformance.page"


def test_every_test_cites_its_section() -> None:
    assert page.uncited() == []


def test_every_module_has_its_line() -> None:
    told = page.README.read_text()
    for path in page.HERE.glob("*.py"):
        assert f"`{path.name}`" in told


def test_the_sections_that_a_simulator_must_do_are_all_there() -> None:
    assert {one.section for one in page.behaviours()} >= {f"S{number}" for number in (1, 2, 3, 4, 5, 6, 10)}
