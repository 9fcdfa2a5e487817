"""The CRM read and written by a command, beside the worker or in its place."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

from crm.port import Gateway
from qbwc_server.app import Installation
from qbwc_server.cli.show import progress
from qbwc_server.mapping import KindMap
from qbwc_server.store import parties, visits
from qbwc_server.store.rows import ConnectionRow
from qbwc_server.sync.asked import read_kind
from qbwc_server.sync.visit import WORKER_LEASE

# Long enough for a long read; two at once would cost calls, nothing else.
LEASE = timedelta(minutes=5)


@contextmanager
def gateway_of(installation: Installation, one: ConnectionRow) -> Iterator[Gateway]:
    """The connection's CRM, logged in to for as long as the command needs it."""
    with installation.database.read() as tx:
        organisation = parties.organisation(tx, one.organisation_id)
    assert organisation is not None
    login: dict[str, Any] = json.loads(installation.keys.unseal(organisation.credentials))
    with closing(installation.open_crm(organisation.vendor, organisation.url, login)) as gateway:
        yield gateway


def reread(installation: Installation, one: ConnectionRow, kind_map: KindMap) -> int:
    """Read what changed of a kind in the CRM and store it; how many records held something new."""
    with gateway_of(installation, one) as gateway, progress(f"{one.name}: reading the CRM", None):
        return read_kind(installation.database, gateway, one.organisation_id, kind_map, installation.clock)


@contextmanager
def worker_lease(installation: Installation) -> Iterator[bool]:
    """True when no worker lives, and none begins while this command does the work."""
    holder, now = f"sync-now {socket.gethostname()}:{os.getpid()}", installation.clock()
    with installation.database.write() as tx:
        ours = visits.take_lease(tx, WORKER_LEASE, holder, now, now + LEASE)
    try:
        yield ours
    finally:
        if ours:
            with installation.database.write() as tx:
                visits.drop_lease(tx, WORKER_LEASE, holder)
