"""The worlds of the golden files (worlds.md), each a real installation in a temporary home."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from qbwc_server.app import Installation, system_clock
from qbwc_server.store import jobs, parties, visits
from qbwc_server.sync.visit import WORKER_LEASE
from tests.rows import SET, TICKET, like
from tests.soap.shop import (
    ELSEWHERE,
    PASSWORD,
    PUBLIC_URL,
    USER,
    VALUES,
    add_doubted_set,
    add_shop,
    open_home,
)
from tests.soap.wire_paths import Answered, Headers

Send = Callable[[str, str, Headers, bytes], Answered]

ODD_TEXT = 'Müller & Söhne <b>"100 %"</b> ]]> 😀'
SMALL_CAP_MB = 1


@dataclass
class ShopWorld:
    """An installation and a way to reach it; `react` is what else happens in this world after an exchange."""

    installation: Installation
    values: Mapping[str, str]
    send: Send
    react: Callable[[Installation, bytes], None] = lambda installation, reply: None
    ends: list[Callable[[], None]] = field(default_factory=list)

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        answered = self.send(method, path, headers, body)
        self.react(self.installation, answered[2])
        return answered

    def close(self) -> None:
        for end in [*self.ends, self.installation.close]:
            end()


def _work(installation: Installation) -> dict[str, str]:
    """Two old sets stay in doubt whatever is asked, for QuickBooks keeps nothing of them; then the reads."""
    add_shop(installation)
    early = replace(installation, clock=lambda: system_clock() - timedelta(hours=2))
    expired = early.sessions().authenticate(USER, PASSWORD, ELSEWHERE)[0]
    for number in (1, 2):
        add_doubted_set(installation, number)
    return {"expired": expired}


def _nothing(installation: Installation) -> None:
    add_shop(installation, connected=False)


def _too_early(installation: Installation) -> None:
    before = installation.clock() - timedelta(seconds=20)
    add_shop(installation, minimum_seconds=600, last_visit_at=before)


def _busy(installation: Installation) -> None:
    add_shop(installation)
    seen = installation.clock() - timedelta(seconds=20)
    set_id = add_doubted_set(installation, 1)
    out = {"out": "write", "set_id": set_id, "identified": True, "planned": True}
    with installation.database.write() as tx:
        jobs.change_set(tx, "shop", set_id, state="offered")
        jobs.change_job(tx, "job-doubt-1", seen, state="offered")
        row = {"state": "sent", "address": ELSEWHERE, "started_at": seen, "seen_at": seen, "visit": out}
        visits.add_ticket(tx, like(TICKET, **row))


def _named_file(installation: Installation) -> None:
    add_shop(installation, company_file="C:\\Books\\Right Company.qbw")


def _waits_in_vain(installation: Installation) -> None:
    """A worker lives, so a visit waits until it has polled the CRM once more."""
    add_shop(installation)
    now = installation.clock()
    with installation.database.write() as tx:
        visits.take_lease(tx, WORKER_LEASE, "another process", now, now + timedelta(hours=1))


def _waits(installation: Installation) -> None:
    """As in vain, but a set of an earlier visit is settled and still to be cleared at the end of this one."""
    _waits_in_vain(installation)
    with installation.database.write() as tx:
        now = installation.clock()
        jobs.add_set(tx, like(SET, job_ids=[], state="settled", offered_at=now, answered_at=now))


def _polled_after_the_wait(installation: Installation, reply: bytes) -> None:
    """The worker's part: while the Web Connector waits its five seconds, the CRM is polled and had nothing."""
    if b">NoOp<" in reply:
        with installation.database.write() as tx:
            parties.change_organisation(tx, "org", polled_at=installation.clock())


def _odd_text(installation: Installation) -> None:
    """Refused for its name, which was pinned; the company's own name is part of the reason."""
    now = installation.clock()
    # PostgreSQL's texts hold every character but this one.
    first = "\x02" if installation.database.engine.dialect.name == "postgresql" else "\x00"
    name = f"{first}{ODD_TEXT}\x01\ufffe"
    add_shop(installation, name=name, pinned_name="Before", pinned_path="C:\\Books\\Right.qbw", pinned_at=now)


def _small_cap(installation: Installation) -> None:
    add_shop(installation)
    settings = installation.settings.home / "settings.toml"
    settings.write_text(f'public_url = "{PUBLIC_URL}"\nmax_body_mb = {SMALL_CAP_MB}\n')


BROKEN = "broken-at-"
WORLDS: dict[str, Callable[[Installation], dict[str, str] | None]] = {
    "work": _work,
    "nothing": _nothing,
    "too-early": _too_early,
    "busy": _busy,
    "named-file": _named_file,
    "waits": _waits,
    "waits-in-vain": _waits_in_vain,
    "odd-text": _odd_text,
    "small-cap": _small_cap,
}
REACTIONS = {"waits": _polled_after_the_wait, "waits-in-vain": _polled_after_the_wait}


def build(name: str, home: Path) -> dict[str, str]:
    """Bring the empty installation in `home` into the world's condition; what the world tells about itself."""
    installation = open_home(home, system_clock)
    try:
        more = WORLDS[name](installation) or {}
    finally:
        installation.close()
    return {"path": "/qbwc", "support": "/support", "url": PUBLIC_URL, **VALUES, **more}


def broken_method(name: str) -> str:
    """The SOAP method that fails inside in this world; "" in a sound one."""
    return name.removeprefix(BROKEN) if name.startswith(BROKEN) else ""


__all__ = ["BROKEN", "REACTIONS", "ShopWorld", "broken_method", "build"]
