"""Relays that let something happen in the middle of a call, and slow lines on which answers never come."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.crash.relay import Relay, Reply, Request


@dataclass(eq=False)
class Watch:
    """`act` is done once, over the first call that `aims` accepts: before it is passed on, or when it was answered.

    The call waits for it: whatever is done happens in the middle of the call.
    """

    aims: Callable[[Request, bytes], bool]
    act: Callable[[], object]
    answered: bool = False
    # It is meant for the visit that goes on, or for the next one.
    one_visit: bool = False


class Watched(Relay):
    """`address`: from where the calls seem to come."""

    def __init__(self, targets: Sequence[int], address: str = "") -> None:
        super().__init__(targets)
        self.address = address
        self._watches: list[Watch] = []
        self._choosing = threading.Lock()

    @property
    def next_place(self) -> int:
        """Of the target that gets the next call."""
        return self._turn % len(self.targets)

    def watch(self, watch: Watch) -> None:
        with self._choosing:
            self._watches.append(watch)

    def visit_is_over(self) -> None:
        with self._choosing:
            self._watches = [one for one in self._watches if not one.one_visit]

    def forget(self) -> None:
        """Nothing happens in the middle of calls any more, and nobody dies over one."""
        with self._choosing:
            self._watches.clear()
        with self._lock:
            self._strikes.clear()

    def pass_on(self, request: Request) -> Reply | None:
        if self.address:
            request = replace(request, headers=[*request.headers, ("X-Forwarded-For", self.address)])
        self._meet(request, request.body, answered=False)
        reply = super().pass_on(request)
        if reply is not None:
            self._meet(request, reply.body, answered=True)
        return reply

    def _meet(self, request: Request, body: bytes, *, answered: bool) -> None:
        with self._choosing:
            met = [one for one in self._watches if one.answered == answered and one.aims(request, body)]
            self._watches = [one for one in self._watches if one not in met]
        for one in met:
            one.act()


def nth(
    number: int, aims: Callable[[Request, bytes], bool] = lambda *_: True
) -> Callable[[Request, bytes], bool]:
    """The call with this number among those that are meant."""
    seen = 0

    def is_it(request: Request, body: bytes) -> bool:
        nonlocal seen
        seen += aims(request, body)
        return seen == number and aims(request, body)

    return is_it


def writes(request: Request, _body: bytes = b"") -> bool:
    """Whether a call to Salesforce changes something. Many rows are read with POST, and a call may carry others."""
    if request.verb == "GET" or "/oauth2/" in request.path:
        return False
    if request.path.endswith("/composite"):
        return any(verb in request.body for verb in (b'"PATCH"', b'"POST"'))
    return request.verb != "POST" or "/composite/sobjects/" not in request.path


def reads(request: Request, _body: bytes = b"") -> bool:
    return "/oauth2/" not in request.path and not writes(request)
