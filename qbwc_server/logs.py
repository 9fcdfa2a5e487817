"""Logs as lines of key and value on standard error; never a password, a token or a customer's data."""

import logging
import sys

import structlog

# A tick that is skipped because the last one is still at work is no news.
QUIET = {"apscheduler": logging.ERROR, "urllib3": logging.WARNING, "simple_salesforce": logging.WARNING}


def set_up_logs(level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers to standard error, one line an event."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s", force=True)
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
