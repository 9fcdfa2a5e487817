"""What people do with the product itself: retry, approve, choose, link, take apart; by the commands' own functions."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from qbwc_server.errors import Problem
from qbwc_server.store import jobs, links, parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync.person import By, make, resolve, retry, unlink
from tests.fire.acts import Scene, books_rows, choose, crm_rows, invoices, is_called
from tests.fire.ledger import Entity, Ledger
from tests.fire.meaning import number

Act = Callable[..., None]
# Roles of what has a name of its own.
THINGS = ("customer", "item")
ASKING = ("refused", "proposed", "blocked")


def _by(scene: Scene) -> By:
    now = getattr(scene, "clock", None)
    return By("Pat", now() if now else datetime.now(UTC))


def _pick(found: list[Any], pick: int) -> Any:
    if not found:
        raise Problem("There is nothing to do.")
    return found[pick % len(found)]


def entity_of(scene: Scene, ledger: Ledger, link: Link) -> Entity | None:
    """Whose link this is, seen from outside: by the label's token. A document's label names its customer."""
    if link.role not in THINGS:
        return None
    return next((one for one in ledger.entities.values() if link.label.endswith(one.token)), None)


def _jobs(tx: Tx, scene: Scene, *states: str) -> list[LinkJob]:
    found = jobs.all_jobs(tx, [scene.connection_id], states=states, limit=10_000)
    return sorted(found, key=lambda job: (job.created_at, job.id))


def retry_one(scene: Scene, ledger: Ledger, pick: int) -> None:
    """Try again what was refused, approve what was proposed."""
    with scene.database.write() as tx:
        job = _pick(_jobs(tx, scene, *ASKING), pick)
        link = links.link(tx, job.connection_id, job.link_id)
        entity = entity_of(scene, ledger, link) if link else None
        if job.state == "proposed" and entity is not None:
            entity.made_again = True
        retry(tx, _by(scene), job.id)


def look(scene: Scene, ledger: Ledger, pick: int) -> None:
    """A creation is in doubt: look in QuickBooks, then link what is there, or say that it is not."""
    with scene.database.write() as tx:
        doubted = [job for job in _jobs(tx, scene, "in_doubt", "needs_person") if job.action == "add"]
        job = _pick([job for job in doubted if job.side == "books"], pick)
        link = links.link(tx, job.connection_id, job.link_id)
        assert link is not None
        found = _in_books(scene, ledger, link)
        if not found:
            retry(tx, _by(scene), job.id, not_in_books=True)
            return
        connection = parties.connection(tx, scene.connection_id)
        assert connection is not None
        make(tx, _by(scene), connection, str(link.crm_id), found[0])


def _in_books(scene: Scene, ledger: Ledger, link: Link) -> list[str]:
    entity = entity_of(scene, ledger, link)
    if link.role in ("customer", "item"):
        return [key for key, _ in books_rows(scene, entity)] if entity else []
    sale = [row for key, row in scene.desk.rows("opportunity") if key == link.crm_id]
    tokens = [token for token in ledger.sales if sale and is_called(token, sale[0])]
    return [one["TxnID"] for token in tokens for one in invoices(scene, token, link.books_kind)]


def choose_one(scene: Scene, ledger: Ledger, pick: int, side: str) -> None:
    with scene.database.write() as tx:
        rows = sorted(
            links.all_conflicts(tx, [scene.connection_id]), key=lambda row: (row["label"], row["field"])
        )
        row = _pick(rows, pick)
        link = links.link(tx, scene.connection_id, row["link_id"])
        assert link is not None
        resolve(tx, _by(scene), link.id, row["field"], side)
    entity = entity_of(scene, ledger, link)
    if entity is not None:
        field = row["field"].split(" > ")[0]
        form = number if field == "StandardPrice" else lambda value: str(value or "")
        choose(scene, ledger, entity, field, side, (form(row["crm_value"]), form(row["books_value"])))


def unlink_one(scene: Scene, ledger: Ledger, token: str) -> None:
    entity = ledger.entities.get(token)
    with scene.database.write() as tx:
        pairs = [one for one in links.all_links(tx, [scene.connection_id]) if not one.unlinked_at]
        mine = [one for one in pairs if one.role in THINGS and one.label.endswith(token)]
        link = _pick(mine if entity else [], 0)
        unlink(tx, _by(scene), link.id)
    assert entity is not None
    entity.unlinked = True


def link_one(scene: Scene, ledger: Ledger, token: str) -> None:
    """Link two records that belong together, as `link make` does."""
    entity = ledger.entities.get(token)
    if entity is None:
        raise Problem("Nobody made it.")
    crm, books = crm_rows(scene, entity), books_rows(scene, entity)
    if len(crm) != 1 or len(books) != 1:
        raise Problem("There are no two.")
    with scene.database.write() as tx:
        connection = parties.connection(tx, scene.connection_id)
        assert connection is not None
        make(tx, _by(scene), connection, crm[0][0], books[0][0])
    entity.unlinked, entity.linked_by_hand = False, True


PERSONS: Mapping[str, Act] = {
    "person.retry": retry_one,
    "person.look": look,
    "person.choose": choose_one,
    "person.unlink": unlink_one,
    "person.link": link_one,
}
