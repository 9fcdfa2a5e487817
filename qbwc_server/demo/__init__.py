"""The demonstration: both sides emulated, the real server between them, and every claim checked on both sides."""

from qbwc_server.demo.play import Wishes, play

__all__ = ["Wishes", "play"]
