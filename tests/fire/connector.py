"""A Web Connector as a process of its own, which can be killed: one Update Selected."""

import sys
from pathlib import Path

from qbwc_server.simulator import Options, WebConnector


def main(home: str, company: str, computer: str) -> None:
    WebConnector(Path(home), Path(company), Options(noop_seconds=0.1, computer=computer)).update()


if __name__ == "__main__":
    main(*sys.argv[1:])
