"""A bounded part of the fuzzing, with fixed seeds; `make fuzz` goes on from there."""

from collections.abc import Iterator, Mapping

import pytest

from tests.fuzz.readers import READERS
from tests.fuzz.runs import Runner, read_one, runners

INPUTS = 120
VISITS = 14
COMMANDS = 60
CONNECTIONS = 100


@pytest.mark.parametrize("target", READERS)
def test_any_bytes_are_read_or_refused_as_documented(target: str) -> None:
    for seed in range(1, INPUTS + 1):
        read_one(target, seed)


@pytest.fixture(scope="module")
def at_work() -> Iterator[Mapping[str, Runner]]:
    with runners(["visits", "commands", "sockets"]) as found:
        yield found


def test_after_any_calls_and_tampered_answers_an_honest_visit_succeeds(at_work: Mapping[str, Runner]) -> None:
    for seed in range(1, VISITS + 1):
        at_work["visits"](seed)


def test_no_words_make_a_command_fail_inside(at_work: Mapping[str, Runner]) -> None:
    for seed in range(1, COMMANDS + 1):
        at_work["commands"](seed)


def test_any_bytes_on_a_socket_are_answered_and_the_server_stays_as_it_was(
    at_work: Mapping[str, Runner],
) -> None:
    for seed in range(1, CONNECTIONS + 1):
        at_work["sockets"](seed)
