"""Reading on while what was read is stored: the database's work and ours then take place at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 0.1  # seconds after which a reader looks whether it is still wanted


class _Ahead(Generic[T]):
    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._ready: Queue[tuple[T | None, BaseException | None]] = Queue(maxsize=1)
        self._unwanted = Event()
        self._reader = Thread(target=self._read, name="reading ahead", daemon=True)

    def __iter__(self) -> Iterator[T]:
        self._reader.start()
        try:
            while (got := self._ready.get())[0] is not None:
                yield got[0]
            if got[1] is not None:
                raise got[1]
        finally:
            self._unwanted.set()
            self._reader.join()

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item, None):
                    return
        except BaseException as raised:  # noqa: BLE001 - it is raised again where the items are taken
            failure = raised
        self._put(None, failure)

    def _put(self, item: T | None, failure: BaseException | None) -> bool:
        while not self._unwanted.is_set():
            with suppress(Full):
                self._ready.put((item, failure), timeout=PATIENCE)
                return True
        return False


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items (none of them None), of which the next is made while the last is at work.

    At most three are in memory: one at work, one that waits, one that is being made. What `items` raises is
    raised here, after the items before it.
    """
    return iter(_Ahead(items))
