"""`qbwc-server` as a process of its own, with a tenth of its patience: what takes seconds is seen in tenths of them.

A look for work, the life of a lease, the pauses between attempts, the silence after which a CRM's answer is given up.
"""

import runpy
from dataclasses import replace
from datetime import timedelta

from crm import http
from crm.salesforce import gateway
from qbwc_server.worker import embedded

SILENCE = 3.0

embedded.TICK_SECONDS = 0.1  # type: ignore[assignment]
embedded.LEASE = timedelta(seconds=6)
for table in (http.PAUSES, http.REPEATABLE_PAUSES):
    for error, pauses in table.items():
        table[error] = replace(pauses, first=pauses.first / 10, longest=pauses.longest / 10)  # type: ignore[index]
gateway.open_session = lambda url, _: http.open_session(url, (5.0, SILENCE))

if __name__ == "__main__":
    runpy.run_module("qbwc_server.cli", run_name="__main__")
