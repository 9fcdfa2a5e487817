"""What a command changes of this process's logs ends with it: in its own process it would have died with it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def logs_kept() -> Iterator[None]:
    """Handlers and level of the standard library's loggers and structlog's set-up are afterwards as they were."""
    root, configured = logging.getLogger(), structlog.get_config()
    before = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = before
        structlog.configure(**configured)
