"""The installation that a command works on, opened for as long as the command runs, and names turned into rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from qbwc_server import app, mapping
from qbwc_server.app import Installation
from qbwc_server.cli.frame import actor, home_of
from qbwc_server.errors import NotFound, Problem
from qbwc_server.logs import set_up_logs
from qbwc_server.mapping import KindMap, Profile
from qbwc_server.mapping.spelling import did_you_mean
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, ConnectionRow, Link
from qbwc_server.sync.deciding import load_scope
from qbwc_server.sync.person import By


@contextmanager
def opened() -> Iterator[Installation]:
    """The installation named on the command line. Logs stay silent unless something is wrong."""
    set_up_logs("WARNING")
    installation = app.open_installation(home_of(click.get_current_context()))
    try:
        yield installation
    finally:
        installation.close()


@contextmanager
def acting() -> Iterator[tuple[Tx, By, Installation]]:
    """One writing transaction in which the person at the command line acts."""
    with opened() as installation, installation.database.write() as tx:
        yield tx, By(actor(), installation.clock()), installation


@contextmanager
def reading() -> Iterator[tuple[Tx, Installation]]:
    with opened() as installation, installation.database.read() as tx:
        yield tx, installation


def company_named(tx: Tx, name: str) -> Company:
    found = parties.company_named(tx, name)
    if found is None:
        names = [one.name for one in parties.all_companies(tx)]
        raise NotFound(_unknown("company", name, names, "qbwc-server company add"))
    return found


def connection_named(tx: Tx, name: str) -> ConnectionRow:
    found = parties.connection_named(tx, name)
    if found is None:
        names = [one.name for one in parties.all_connections(tx)]
        raise NotFound(_unknown("connection", name, names, "qbwc-server connection add"))
    return found


def _unknown(what: str, name: str, known: Sequence[str], add: str) -> str:
    if not known:
        return f"There is no {what} {name!r}, and no other yet. Add it with: {add}"
    near = did_you_mean(name, known)
    return f"There is no {what} {name!r}{near or '; there are: ' + ', '.join(known) + '.'}"


def connections_chosen(tx: Tx, name: str | None) -> list[str]:
    """Ids of the named connection, or of all."""
    return [connection_named(tx, name).id] if name else [one.id for one in parties.all_connections(tx)]


class Kinds:
    """What people call the kind of a pair: the name of its map."""

    def __init__(self, tx: Tx, connection_ids: Sequence[str]) -> None:
        scopes = [load_scope(tx, one) for one in parties.all_connections(tx) if one.id in connection_ids]
        self.names = {
            (scope.id, one.role, one.crm_kind, one.books_kind): one.name
            for scope in scopes
            for one in scope.profile.kinds
        }

    def of(self, link: Link) -> str:
        """The CRM's kind where the map was switched off."""
        place = link.connection_id, link.role, link.crm_kind, link.books_kind
        return self.names.get(place, link.crm_kind)

    def check(self, name: str) -> None:
        """Raises NotFound for what is the name of no map."""
        known = sorted(set(self.names.values()))
        if name not in known:
            all_known = f"; there are: {', '.join(known)}." if known else ": there is no connection yet."
            raise NotFound(f"There is no kind {name!r}{did_you_mean(name, known) or all_known}")


def the_connection(tx: Tx, name: str | None) -> ConnectionRow:
    """The named connection; without a name the only one there is."""
    if name:
        return connection_named(tx, name)
    every = parties.all_connections(tx)
    if len(every) == 1:
        return every[0]
    names = ", ".join(one.name for one in every)
    text = f"Say which connection: {names}." if every else "There is no connection yet."
    raise NotFound(f"{text} {'' if every else 'Add one with: qbwc-server connection add'}".strip())


def map_named(profile: Profile, name: str) -> KindMap:
    """The kind map of this name; an unknown one is answered with the nearest, or with all there are."""
    known = {one.name: one for one in profile.kinds}
    if name not in known:
        near = did_you_mean(name, known) or f"; there are: {', '.join(known)}."
        raise NotFound(f"There is no kind {name!r}{near}")
    return known[name]


def kind_named(one: ConnectionRow, name: str) -> KindMap:
    """A kind map that a connection uses. Raises NotFound for an unknown one, Problem for one that is off."""
    found = map_named(mapping.load_profile(one.profile, one.override), name)
    if found.mode == "off":
        raise Problem(
            f"The kind {name} is off. Turn it on: "
            f"qbwc-server mapping set {one.name} kinds.{name}.mode synchronize"
        )
    return found
