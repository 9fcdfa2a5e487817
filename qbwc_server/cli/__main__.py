"""`python -m qbwc_server.cli` is `qbwc-server`."""

from qbwc_server.cli.root import main

main()
