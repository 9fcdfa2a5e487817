"""What people do with the product itself: retry, approve, choose, link, take apart; by the commands' own functions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from qbwc_server.errors import Problem
from qbwc_server.store import jobs, links, parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, Link, LinkJob
from qbwc_server.sync.person import By, make, reconcile, resolve, retry, unlink
from qbwc_server.sync.repairing import Place, examine
from tests.fire.acts import Scene, books_rows, choose, crm_rows, invoices, is_called
from tests.fire.ledger import Entity, Ledger, Sale
from tests.fire.meaning import number
from tests.sync.web_connector import KilledAfterCommit

Act = Callable[..., None]
Notes = list[Callable[[], None]]
# Roles of what has a name of its own.
THINGS = ("customer", "item")
ASKING = ("refused", "proposed", "blocked")


def _by(scene: Scene) -> By:
    now = getattr(scene, "clock", None)
    return By("Pat", now() if now else datetime.now(UTC))


@contextmanager
def _writing(scene: Scene) -> Iterator[tuple[Tx, Notes]]:
    """A transaction, and what the ledger learns once it is kept, though its process dies the moment after."""
    notes: Notes = []
    try:
        with scene.database.write() as tx:
            yield tx, notes
    except KilledAfterCommit:
        _learn(notes)
        raise
    _learn(notes)


def _learn(notes: Notes) -> None:
    for one in notes:
        one()


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
    with _writing(scene) as (tx, notes):
        job = _pick(_jobs(tx, scene, *ASKING), pick)
        link = links.link(tx, job.connection_id, job.link_id)
        thing = (entity_of(scene, ledger, link) or sale_of(scene, ledger, link)) if link else None
        retry(tx, _by(scene), job.id)
        if job.state == "proposed" and thing is not None:
            notes.append(lambda: setattr(thing, "made_again", True))


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
    if link.role in THINGS:
        entity = entity_of(scene, ledger, link)
        return [key for key, _ in books_rows(scene, entity)] if entity else []
    sale = sale_of(scene, ledger, link)
    return [one["TxnID"] for one in invoices(scene, sale.token, link.books_kind)] if sale else []


def sale_of(scene: Scene, ledger: Ledger, link: Link) -> Sale | None:
    """The sale whose document this link is, by its opportunity."""
    rows = [row for key, row in scene.desk.rows("opportunity") if key == link.crm_id]
    return next((one for token, one in ledger.sales.items() if rows and is_called(token, rows[0])), None)


def choose_one(scene: Scene, ledger: Ledger, pick: int, side: str) -> None:
    with _writing(scene) as (tx, notes):
        rows = sorted(
            links.all_conflicts(tx, [scene.connection_id]), key=lambda row: (row["label"], row["field"])
        )
        row = _pick(rows, pick)
        link = links.link(tx, scene.connection_id, row["link_id"])
        assert link is not None
        resolve(tx, _by(scene), link.id, row["field"], side)
        entity = entity_of(scene, ledger, link)
        if entity is None:
            return
        field = row["field"].split(" > ")[0]
        form = number if field == "StandardPrice" else lambda value: str(value or "")
        seen = (form(row["crm_value"]), form(row["books_value"]))
        notes.append(lambda: choose(scene, ledger, entity, field, side, seen))


def unlink_one(scene: Scene, ledger: Ledger, token: str) -> None:
    """Of a customer, an item or a sale."""
    thing = ledger.entities.get(token) or ledger.sales.get(token)
    with _writing(scene) as (tx, notes):
        pairs = [one for one in links.all_links(tx, [scene.connection_id]) if not one.unlinked_at]
        link = _pick([one for one in pairs if _is_of(scene, ledger, one, thing)], 0)
        unlink(tx, _by(scene), link.id)
        if isinstance(thing, Sale):
            made = any(invoices(scene, token, form) for form in ("Invoice", "SalesOrder"))
            notes.append(lambda: ledger.taken_apart(token, made=made))
        else:
            notes.append(lambda: setattr(thing, "unlinked", True))


def _is_of(scene: Scene, ledger: Ledger, link: Link, thing: Entity | Sale | None) -> bool:
    if isinstance(thing, Sale):
        return sale_of(scene, ledger, link) is thing
    return thing is not None and link.role in THINGS and link.label.endswith(thing.token)


def link_one(scene: Scene, ledger: Ledger, token: str) -> None:
    """Link two records that belong together, as `link make` does."""
    entity = ledger.entities.get(token)
    if entity is None:
        raise Problem("Nobody made it.")
    crm, books = crm_rows(scene, entity), books_rows(scene, entity)
    if len(crm) != 1 or len(books) != 1:
        raise Problem("There are no two.")
    with _writing(scene) as (tx, notes):
        connection = parties.connection(tx, scene.connection_id)
        assert connection is not None
        make(tx, _by(scene), connection, crm[0][0], books[0][0])
        notes.append(lambda: vars(entity).update(unlinked=False, linked_by_hand=True))


def reconcile_now(scene: Scene, ledger: Ledger) -> None:
    """Compare all ids at the next visit, as `company reconcile` does."""
    with scene.database.write() as tx:
        reconcile(tx, _by(scene), _company(tx, scene))


def repair(scene: Scene, ledger: Ledger) -> None:
    """What `doctor --repair` does; it must never make anything worse."""
    with scene.database.write() as tx:
        examine(Place(tx, [scene.connection_id], _by(scene).now), mend=True)


def _company(tx: Tx, scene: Scene) -> Company:
    connection = parties.connection(tx, scene.connection_id)
    assert connection is not None
    company = parties.company(tx, connection.company_id)
    assert company is not None
    return company


PERSONS: Mapping[str, Act] = {
    "person.retry": retry_one,
    "person.look": look,
    "person.choose": choose_one,
    "person.unlink": unlink_one,
    "person.link": link_one,
    "person.reconcile": reconcile_now,
    "person.repair": repair,
}
