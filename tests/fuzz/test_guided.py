"""How the run of another program is read and started; the program itself is not needed."""

import pytest

from tests.fuzz import guided
from tests.fuzz.guided import guide, summary

LOG = """\
#2\tINITED cov: 301 ft: 302 corp: 1/1b exec/s: 0 rss: 101Mb
#10534\tNEW    cov: 633 ft: 2282 corp: 141/204Kb lim: 20000 exec/s: 702 rss: 105Mb L: 623/14082 MS: 1 Custom-
#10595\tDONE   cov: 633 ft: 2283 corp: 142/204Kb lim: 20000 exec/s: 662 rss: 105Mb
stat::number_of_executed_units: 10595
"""


def test_the_last_numbers_of_a_run_are_told() -> None:
    told = summary("answer", LOG, (guided.FINDS / "answer-crash-1",)).told()
    assert told.startswith("answer: 10595 inputs, 633 edges, 2283 features, 142 kept")
    assert f"python -m tests.fuzz --target answer --input {guided.FINDS / 'answer-crash-1'}" in told


def test_a_run_that_ended_before_its_first_input_has_no_numbers() -> None:
    assert summary("answer", "Traceback", ()).inputs == 0


def test_where_atheris_is_not_installed_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guided, "find_spec", lambda name: None)
    told: list[str] = []
    assert guide(["answer"], 1, 1, 1, told.append) == 2
    assert "make fuzz GUIDED=all" in told[0]
