"""The command line: `qbwc-server`. Each file is one group of commands; their bodies are a few lines each."""

from qbwc_server.cli.root import main, root

__all__ = ["main", "root"]
