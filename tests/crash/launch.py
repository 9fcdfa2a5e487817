"""`qbwc-server` as a process of its own, whose worker looks for work ten times a second: tests wait for each look."""

import runpy

from qbwc_server.worker import embedded

embedded.TICK_SECONDS = 0.1  # type: ignore[assignment]
runpy.run_module("qbwc_server.cli", run_name="__main__")
