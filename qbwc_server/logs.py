"""Logs as lines of key and value on standard error; never a password, a token or a customer's data."""

import logging
import re
import sys
from typing import Final

import structlog

# A tick that is skipped because the last one is still at work is no news.
QUIET = {"apscheduler": logging.ERROR, "urllib3": logging.WARNING, "simple_salesforce": logging.WARNING}


class WithoutRequests(logging.Filter):
    """Takes the caller's bytes out of what gunicorn says about requests that it cannot read.

    It quotes the line that it stumbled over. Where a Content-Length is too short, that is the end of a body: a
    password or a ticket.
    """

    _KIND: Final = re.compile(r"(Invalid request from ip=\S*(?: [A-Za-z/-]+)*).*", re.DOTALL)
    _ADDRESS: Final = re.compile(r"(Error handling request (?:[A-Z]+ )?[^\s?]*).*", re.DOTALL)

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        found = self._KIND.fullmatch(said) or self._ADDRESS.fullmatch(said)
        if found is not None:
            record.msg, record.args = f"{found[1]}.", ()
        return True


WITHOUT_REQUESTS: Final = WithoutRequests()


def set_up_logs(level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers to standard error, one line an event."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s", force=True)
    logging.getLogger("gunicorn.error").addFilter(WITHOUT_REQUESTS)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
