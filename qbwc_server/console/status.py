"""A plain status page, the public support page, health and metrics. Nothing here shows a customer's data.

There is no login yet, so what tells of companies and numbers is shown on the server's own machine only: through a
reverse proxy the front page says no more than that the server runs, and metrics are not found.
"""

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address

from flask import Blueprint, Response, render_template, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.store import history, jobs, parties, search, visits
from qbwc_server.store.database import Database
from qbwc_server.sync import heartbeat
from qbwc_server.sync.visit import WORKER_LEASE

Page = str | Response | tuple[str, int]


def status_pages(database: Database, clock: Callable[[], datetime]) -> Blueprint:
    """Routes without a login: /, /support, /healthz and /metrics."""
    views = _Views(database, clock)
    pages = Blueprint("status", __name__, template_folder="templates")
    for rule, view in (
        ("/", views.front),
        ("/support", views.support),
        ("/healthz", views.health),
        ("/metrics", views.metrics),
    ):
        pages.add_url_rule(rule, view.__name__, view)
    return pages


class _Views:
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database, self.clock = database, clock

    def front(self) -> Page:
        if not _on_this_machine():
            return render_template("running.html")
        now = self.clock()
        with self.database.read() as tx:
            alive = visits.lease_until(tx, WORKER_LEASE)
            companies = {one.id: one for one in parties.all_companies(tx)}
            return render_template(
                "status.html",
                companies=companies,
                silent={one.id: said for one in companies.values() if (said := heartbeat.silence(one, now))},
                open_it=heartbeat.TO_DO,
                organisations={one.id: one for one in parties.all_organisations(tx)},
                connections=parties.all_connections(tx),
                counts=sorted(jobs.count_by_state(tx).items()),
                stuck=sum(search.needing_a_person(tx, one).all for one in companies),
                runs=history.recent_runs(tx, 20),
                worker=alive is not None and alive > now,
                now=now,
            )

    def support(self) -> Page:
        return render_template("support.html")

    def health(self) -> Page:
        try:
            with self.database.read() as tx:
                parties.all_companies(tx)
        except SQLAlchemyError:
            return "the database does not answer\n", 503
        return Response("ok\n", mimetype="text/plain")

    def metrics(self) -> Page:
        if not _on_this_machine():
            return "not found\n", 404
        return Response(_metrics(self.database, self.clock()), content_type=CONTENT_TYPE_LATEST)


def _on_this_machine() -> bool:
    """A loopback peer that speaks for itself; a proxy on this machine names the one it speaks for."""
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip"))
    return not forwarded and ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104


def _metrics(database: Database, now: datetime) -> bytes:
    """Made from the tables at each call, so that every process gives the same answer."""
    registry = CollectorRegistry()
    state = Gauge(
        "qbwc_link_jobs", "Link jobs by written side and state", ["side", "state"], registry=registry
    )
    seen = Gauge("qbwc_last_visit_age_seconds", "Seconds since a visit", ["company"], registry=registry)
    silent = Gauge("qbwc_visit_overdue", "1 when a visit is missed", ["company"], registry=registry)
    worker = Gauge("qbwc_worker_alive", "1 while a worker holds its lease", registry=registry)
    with database.read() as tx:
        for (side, name), number in jobs.count_by_state(tx).items():
            state.labels(side, name).set(number)
        for company in parties.all_companies(tx):
            if company.last_visit_at is not None:
                seen.labels(company.name).set(int((now - company.last_visit_at).total_seconds()))
            silent.labels(company.name).set(1 if heartbeat.silence(company, now) else 0)
        alive = visits.lease_until(tx, WORKER_LEASE)
    worker.set(1 if alive is not None and alive > now else 0)
    return generate_latest(registry)
