"""What befalls a whole company: its file moves or goes back in time, our database is of yesterday, a clock is wrong.

And what the person does who reads what the product says of it. Only the quick world plays this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table, delete, select

from qbwc_server.simulator import CompanyFile
from qbwc_server.simulator.file_faults import next_change
from qbwc_server.store import parties
from qbwc_server.store.database import Database
from qbwc_server.store.tables import metadata
from qbwc_server.sync.person import By, confirm_file, start
from qbwc_server.sync.person.override import set_value
from tests.fire.acts import books_rows, crm_sale, invoices
from tests.fire.ledger import Ledger, Memory
from tests.sync.shop import TAXED, stock_books

if TYPE_CHECKING:
    from tests.fire.inside import Inside

# What the product says when a person must say which file is the right one.
ASKED = "company confirm"
FORMS = ("Invoice", "SalesOrder")


# --- the company file ---


@dataclass(frozen=True)
class Backup:
    """A copy of the company file, and what its people had done until then."""

    file: Path
    memory: Memory
    # What another file that was put in its place did not hold.
    missed: frozenset[str] = frozenset()


def back_up_books(world: Inside) -> None:
    world.backup = _backup(world, "backup")


def _backup(world: Inside, name: str) -> Backup:
    file = world.home / f"{name} {len(world.ledger.sales)} {world.clock():%d-%H-%M-%S}.sqlite"
    world.company.copy_to(file)
    return Backup(file, world.ledger.remember())


def restore_books(world: Inside) -> None:
    """The file is as it was, and nobody tells us; the one that was open is kept."""
    if world.backup is not None:
        world.accidents += 1
        right = _backup(world, "right")
        missed = _put_back(world, world.backup)
        world.right, world.backup = replace(right, missed=missed), None


def _put_back(world: Inside, backup: Backup) -> frozenset[str]:
    """Tokens of what is gone by that: it ends as what a person deleted does."""
    before = _in_books(world)
    world.company.restore(backup.file)
    world.ledger.go_back(backup.memory)
    world.upset = True
    for token in backup.missed & world.ledger.entities.keys():
        world.ledger.entities[token].deleted.discard("books")
    missed = before - _in_books(world)
    for token in missed & world.ledger.entities.keys():
        world.ledger.entities[token].deleted.add("books")
    for token in missed & world.ledger.sales.keys():
        world.ledger.sales[token].gone = True
    return frozenset(missed)


def _in_books(world: Inside) -> set[str]:
    """Tokens of what stands in QuickBooks."""
    entities = (one for one in world.ledger.entities.values() if books_rows(world, one))
    sales = (one for one in world.ledger.sales for form in FORMS if invoices(world, one, form))
    return {*(one.token for one in entities), *sales}


def move_books(world: Inside) -> None:
    """The file is in another folder from now on."""
    world.accidents += 1
    world.company.end_all_sessions()
    world.company.close()
    folder = world.home / f"moved {world.accidents}"
    folder.mkdir()
    place = world.company.path.rename(folder / world.company.path.name)
    world.company = CompanyFile.open(place, world.pc_clock)
    world.moved = True


# --- our own database ---


def copy_database(world: Inside) -> None:
    world.yesterday = Copied(_copy(world.database, world.home), _links_of_persons(world.ledger))


def restore_database(world: Inside) -> None:
    """Our database of then; the processes begin anew, and know nothing of what was done since."""
    if world.yesterday is None:
        return
    world.accidents += 1
    world.mortal.dies = None
    world.yesterday.put_back(world.database)
    for thing in world.yesterday.apart:
        thing.unlinked = True
    world.yesterday = None
    world.begin_processes()
    if _sells_with_extras(world):
        _set_up_extras(world)  # whoever restores a database of before that sets it once more


@dataclass(frozen=True)
class Copied:
    put_back: Callable[[Database], None]
    # What was taken apart at that time is so again.
    apart: list[Any]


def _links_of_persons(ledger: Ledger) -> list[Any]:
    return [one for one in (*ledger.entities.values(), *ledger.sales.values()) if one.unlinked]


def _copy(database: Database, home: Path) -> Callable[[Database], None]:
    url = database.engine.url
    if url.get_backend_name() == "sqlite":
        kept = home / "yesterday.db"
        _over(Path(str(url.database)), kept)
        return lambda live: _over(kept, Path(str(url.database)))
    with database.read() as tx:
        rows = {
            one: [dict(row) for row in tx.execute(select(one)).mappings()] for one in metadata.sorted_tables
        }
    return lambda live: _fill(live, rows)


def _over(source: Path, target: Path) -> None:
    """Everything of one SQLite file over another, whoever has it open."""
    with closing(sqlite3.connect(source)) as full, closing(sqlite3.connect(target)) as over:
        full.backup(over)


def _fill(database: Database, rows: Mapping[Table, list[dict[str, Any]]]) -> None:
    with Database.write(database) as tx:
        for table in reversed(metadata.sorted_tables):
            tx.execute(delete(table))
        for table, held in rows.items():
            if held:
                tx.execute(table.insert(), held)


# --- clocks ---


def move_pc_clock(world: Inside, minutes: int) -> None:
    world.accidents += 1
    world.upset = True
    world.pc_ahead = timedelta(minutes=minutes)


def night_on_the_pc(world: Inside, **given: Any) -> None:
    """The PC alone believes that it is the night in which clocks change, months from now."""
    world.upset = True
    world.arm("clock_change_night", given)


def go_to_clock_change(world: Inside, season: str, minutes: int) -> None:
    """All clocks go on, until so many minutes before the next change of the zone's clocks."""
    change = next_change(ZoneInfo(world.company.timezone), world.clock(), season)
    before = change - timedelta(minutes=minutes)
    world.clock.now = max(world.clock.now, before)


# --- what the person does ---


def obey(world: Inside, how: str) -> bool:
    """Do what the product tells: confirm the file, open the right one again, or just start; False: it tells nothing."""
    with world.database.read() as tx:
        connection = parties.connection(tx, world.connection_id)
    reason = (connection.stopped_reason if connection else "") or ""
    if ASKED in reason:
        _answer(world, how)
        return True
    if world.moved and ASKED in world.told:
        _confirm(world)
        return True
    return False


def _answer(world: Inside, how: str) -> None:
    if how == "right" and world.right is not None:
        _put_back(world, world.right)
        world.right = None
    if how == "confirm":
        _confirm(world)
        return
    with Database.write(world.database) as tx:
        connection = parties.connection(tx, world.connection_id)
        assert connection is not None
        start(tx, _by(world), connection)


def _confirm(world: Inside) -> None:
    with Database.write(world.database) as tx:
        company = parties.company(tx, "co")
        assert company is not None
        confirm_file(tx, _by(world), company)
    world.moved, world.told = False, ""


def _by(world: Inside) -> By:
    return By("Pat", world.clock())


# --- what else only the quick world has ---


def big_sale(world: Inside, **given: Any) -> None:
    """A sale with discount, freight or tax; before the first one somebody sets up what it needs."""
    if not _sells_with_extras(world):
        stock_books(world)
        _set_up_extras(world)
    crm_sale(world, world.ledger, **given)
    world.acts += 1


def _sells_with_extras(world: Inside) -> bool:
    return world.company.is_taken("ItemDiscount", "Discount")


def _set_up_extras(world: Inside) -> None:
    with Database.write(world.database) as tx:
        for name in ("discount_item", "freight_item", "tax_code", "discount_tax_code", "freight_tax_code"):
            connection = parties.connection(tx, world.connection_id)
            assert connection is not None
            set_value(tx, _by(world), connection, f"settings.{name}", TAXED[name])


Upheaval = Callable[..., object]
UPHEAVALS: Mapping[str, Upheaval] = {
    "books.back_up": back_up_books,
    "books.restore": restore_books,
    "books.move": move_books,
    "database.copy": copy_database,
    "database.restore": restore_database,
    "clock.pc": move_pc_clock,
    "clock.night": night_on_the_pc,
    "clock.change": go_to_clock_change,
    "person.obey": obey,
    "crm.big_sale": big_sale,
}
