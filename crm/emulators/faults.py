"""What shall go wrong, and at which call: the plan that the control ports of all emulators share."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `effect` is a word of the emulated service's table; `kind` a request kind or a pattern of them
    (`create`, `create:Account`, `*`). Of the calls that match after arming, the `nth` and the
    `times - 1` following ones are hit (`times=0`: every one from the `nth` on).
    """

    effect: str
    kind: str = "*"
    nth: int = 1
    times: int = 1
    # True: the work is done and kept, and only the answer is lost or replaced.
    after_commit: bool = False
    options: Mapping[str, str | int] = field(default_factory=dict)

    def matches(self, kinds: tuple[str, ...]) -> bool:
        return any(fnmatchcase(kind, self.kind) for kind in kinds)


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0

    def hits(self) -> bool:
        """Count one matching call and tell whether it is among those to be hit."""
        self.seen += 1
        return self.seen >= self.fault.nth

    @property
    def spent(self) -> bool:
        return bool(self.fault.times) and self.seen >= self.fault.nth + self.fault.times - 1


class FaultPlan:
    """Faults in the order they were armed. One call is hit by at most one of them, the oldest."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, fault: Fault) -> None:
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        self._armed.clear()

    def armed(self) -> tuple[Fault, ...]:
        return tuple(armed.fault for armed in self._armed)

    def take(self, *kinds: str) -> Fault | None:
        """The fault that hits a call of these kinds; the call is counted for every fault that matches."""
        hits = [armed.fault for armed in self._armed if armed.fault.matches(kinds) and armed.hits()]
        self._armed = [armed for armed in self._armed if not armed.spent]
        return hits[0] if hits else None


@dataclass
class Counters:
    """What was asked for and what was kept, so that a test can say "nothing was written"."""

    # Request kind -> number of calls, faulty ones included.
    calls: Counter[str] = field(default_factory=Counter)
    # Object -> number of committed row writes of any verb.
    writes: Counter[str] = field(default_factory=Counter)
    # "create:Account" -> number of committed row writes.
    verbs: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        for counter in (self.calls, self.writes, self.verbs):
            counter.clear()

    def as_dict(self) -> dict[str, dict[str, int]]:
        return {"calls": dict(self.calls), "writes": dict(self.writes), "verbs": dict(self.verbs)}
