"""The demonstration: both sides emulated, the real server between them, and every claim checked on both sides."""

from qbwc_server.demo.play import play
from qbwc_server.demo.stage import LEAST_ACCOUNTS, Wishes

__all__ = ["LEAST_ACCOUNTS", "Wishes", "play"]
