"""One step of a stream: something that a person, a machine or an accident does, as plain data that can be kept."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Step:
    """`verb` is a name of one of the tables of verbs; `given` holds only what JSON can say.

    Records are named by their tokens, never by their place, so that any step can be left out of a stream: what
    names a record that was never made does nothing.
    """

    verb: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps([self.verb, self.given], ensure_ascii=True)

    @classmethod
    def of(cls, text: str) -> Self:
        verb, given = json.loads(text)
        return cls(verb, given)


def step(verb: str, **given: Any) -> Step:
    return Step(verb, given)


def script(steps: Iterable[Step]) -> str:
    """A line for each step; `read_script` is the way back."""
    return "\n".join(one.text() for one in steps) + "\n"


def read_script(text: str) -> Sequence[Step]:
    return [Step.of(line) for line in text.splitlines() if line.strip()]
