"""What can go wrong in a mapping: a profile that does not hold together, and a value that does not fit."""

from collections.abc import Iterable


class MappingError(ValueError):
    """A profile or an override cannot be used; `problems` names every fault, one sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class CannotConvert(ValueError):
    """One value has no acceptable form on the other side.

    `text` is a sentence for the person who can change the value. `code` is one of required, too_long,
    too_many_lines, colon, character, not_a_date, not_a_moment, not_a_number, decimals, out_of_range,
    not_a_boolean, no_choice, no_zone, setting: stable, for grouping and for tests.
    """

    def __init__(self, text: str, *, field: str, value: object, code: str) -> None:
        super().__init__(text)
        self.text = text
        self.field = field
        self.value = value
        self.code = code
