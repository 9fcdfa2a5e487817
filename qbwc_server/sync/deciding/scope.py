"""One connection with everything that a decision about its records needs."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import qbxml
from qbwc_server import mapping
from qbwc_server.mapping import KindMap, Profile
from qbwc_server.store import parties
from qbwc_server.store.columns import dumps, loads
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, ConnectionRow, Link
from qbwc_server.sync import parts
from qbwc_server.sync.decide import Side


@dataclass(frozen=True)
class Scope:
    """One connection with everything a decision needs."""

    connection: ConnectionRow
    company: Company
    profile: Profile
    # What the CRM said of its fields, by kind; empty until it was asked.
    crm_fields: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    # What the mapping was made from, as two hashes: of what records are matched by, and of all of it.
    fingerprint: str = ""

    @property
    def id(self) -> str:
        return self.connection.id

    def scope_id(self, side: str) -> str:
        return self.connection.organisation_id if side == "crm" else self.company.id

    def crm_length(self, kind: str, name: str) -> int:
        """How many characters a CRM field holds; 0 where it has no limit, or none is known."""
        found = next((one for one in self.crm_fields.get(kind, ()) if one["name"] == name), None)
        return int(found["length"] or 0) if found else 0

    def maps_of(self, side: Side, kind: str) -> list[KindMap]:
        """The kind maps whose main record this kind is, on this side; none for contributors and others."""
        name = "crm_kind" if side == "crm" else "books_kind"
        return [one for one in self.profile.kinds if getattr(one, name) == kind]

    def maps_in(self, role: str) -> list[KindMap]:
        """The kind maps of a role: "item" may be a service, a part, ..."""
        return [one for one in self.profile.kinds if one.role == role]

    def knows(self, link: Link) -> bool:
        """Whether the profile has the map of a link: a kind may have been switched off since."""
        here = (link.role, link.crm_kind, link.books_kind)
        return any((one.role, one.crm_kind, one.books_kind) == here for one in self.profile.kinds)

    def map_for(self, link: Link) -> KindMap:
        """The kind map of a link. Raises KeyError when the profile no longer has it."""
        found = [one for one in self.maps_in(link.role) if one.crm_kind == link.crm_kind]
        fitting = [one for one in found if one.books_kind == link.books_kind]
        if not fitting:
            raise KeyError(f"the mapping no longer knows {link.crm_kind} as {link.books_kind}")
        return fitting[0]


def load_scope(tx: Tx, connection: ConnectionRow) -> Scope:
    [found] = parties.connected(tx, id=connection.id)
    return _scope(found)


def scopes_of_company(tx: Tx, company_id: str, *, lock: bool = False) -> list[Scope]:
    """Every connection of a company; with `lock`, nobody else decides for them until the transaction ends."""
    return [_scope(one) for one in parties.connected(tx, company_id=company_id, lock=lock)]


def scopes_of_organisation(tx: Tx, organisation_id: str) -> list[Scope]:
    return [_scope(one) for one in parties.connected(tx, organisation_id=organisation_id)]


def _scope(found: parties.Connected) -> Scope:
    connection, company = found.connection, found.company
    override = dumps(connection.override) if connection.override else ""
    zone, version = company.timezone, company.qbxml_version
    profile, fields, fingerprint = _fitted(connection.profile, override, found.crm_fields, zone, version)
    return Scope(connection, company, profile, fields, fingerprint)


@lru_cache(maxsize=64)
def _fitted(
    name: str, override: str, crm_fields: str, zone: str, version: str | None
) -> tuple[Profile, Mapping[str, Sequence[Mapping[str, Any]]], str]:
    """A profile as this connection uses it, the CRM's fields by kind, and the fingerprint of both."""
    profile = mapping.load_profile(name, loads(override) if override else None)
    profile = profile.model_copy(update={"kinds": tuple(one for one in profile.kinds if one.mode != "off")})
    listed = loads(crm_fields)["kinds"] if crm_fields else {}
    crm = {kind: [SimpleNamespace(**one) for one in fields] for kind, fields in listed.items()}
    books = {kind: books_fields(kind) for kind in mapping.books_kinds(profile)}
    whole = _short_hash(profile.model_dump_json(), dumps(listed), zone, version or "")
    matched = _short_hash(*(text for one in profile.kinds for text in _matched_by(one)))
    return mapping.fit(profile, crm, books, zone=zone, version=version), listed, f"{matched}:{whole}"


def _matched_by(kind_map: KindMap) -> Iterator[str]:
    """What the keys of a kind's records are made from."""
    yield kind_map.name
    named = {one.crm for one in kind_map.matched_by()}
    for one in kind_map.matched_by():
        yield one.model_dump_json()
    for rule in kind_map.rules:
        if rule.crm in named or rule.books.startswith("ParentRef/"):
            yield rule.model_dump_json()
    yield kind_map.books_filter.model_dump_json() if kind_map.books_filter else ""


def _short_hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


def books_fields(books_kind: str) -> tuple[mapping.EndField, ...]:
    """What the mapping may name of a QuickBooks object, from the qbXML field tables."""
    if books_kind == parts.KIND:
        return parts.vocabulary()
    return mapping.books_vocabulary(
        qbxml.fields(f"{books_kind}Ret"), qbxml.fields(f"{books_kind}Add"), qbxml.fields(f"{books_kind}Mod")
    )
