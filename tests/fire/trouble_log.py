"""What the product itself calls an error: a fault that an edge caught is still a fault."""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog


@contextmanager
def overheard() -> Iterator[list[str]]:
    """The internal errors that are logged meanwhile; nothing is printed."""
    heard: list[str] = []

    def listen(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        failure = event.pop("exc_info", None)
        heard.append(f"{event.pop('event')} {dict(event)}: {failure!r}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[listen], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    try:
        yield heard
    finally:
        structlog.configure(**before)
