"""The embedded engine: APScheduler in exactly one process of an installation, kept alone by a lease."""

import os
import socket
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from qbwc_server.store import visits
from qbwc_server.sync.visit import WORKER_LEASE
from qbwc_server.worker import tasks
from qbwc_server.worker.tasks import Background

log = structlog.get_logger(__name__)

TICK_SECONDS = 1
LEASE = timedelta(seconds=15)
SWEEP_SECONDS = 600


class Embedded:
    """Runs the tasks every second while it holds the lease; a second worker waits until the first is gone."""

    def __init__(self, background: Background, expire_idle: Callable[[], int]) -> None:
        self.background, self.expire_idle = background, expire_idle
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        self.scheduler = BackgroundScheduler(timezone="UTC")
        self.leading = False

    def start(self) -> None:
        """Begin in the background; returns at once."""
        every = {"trigger": "interval", "coalesce": True, "max_instances": 1}
        self.scheduler.add_job(self.tick, seconds=TICK_SECONDS, id="tick", **every)
        self.scheduler.add_job(self.hold_lease, seconds=LEASE.total_seconds() / 3, id="lease", **every)
        self.scheduler.add_job(self.sweep, seconds=SWEEP_SECONDS, id="sweep", **every)
        self.hold_lease()
        self.scheduler.start()

    def stop(self) -> None:
        self.scheduler.shutdown(wait=True)
        if self.leading:
            with self.background.database.write() as tx:
                visits.drop_lease(tx, WORKER_LEASE, self.holder)

    def hold_lease(self) -> None:
        now = self.background.clock()
        with self.background.database.write() as tx:
            mine = visits.take_lease(tx, WORKER_LEASE, self.holder, now, now + LEASE)
        if mine and not self.leading:
            requeued = tasks.recover(self.background)
            log.info("worker.leads", holder=self.holder, requeued=requeued)
        self.leading = mine

    def tick(self) -> None:
        if not self.leading:
            return
        try:
            tasks.work_once(self.background)
        except Exception:  # the edge of the background: it is tried again, the log says why
            log.exception("worker.tick")
            # As after a restart: what was on its way is requeued when the lease is taken again.
            self.leading = False

    def sweep(self) -> None:
        if not self.leading:
            return
        try:
            self.expire_idle()
            tasks.sweep(self.background)
        except Exception:  # as above
            log.exception("worker.sweep")
