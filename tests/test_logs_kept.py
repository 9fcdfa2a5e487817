"""A command that was typed in a test leaves this process's logs as they were."""

import logging

import structlog

from qbwc_server.logs import set_up_logs
from tests.logs_kept import logs_kept


def test_a_command_s_logs_end_with_it() -> None:
    root, configured = logging.getLogger(), structlog.get_config()
    before = root.handlers[:], root.level
    with logs_kept():
        set_up_logs("CRITICAL")
        assert root.level == logging.CRITICAL
    assert (root.handlers[:], root.level) == before
    assert structlog.get_config() == configured
