"""Trying a connection: does the login work, and do the names of the mapping exist on both sides?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm.errors import CrmError
from crm.port import Gateway
from qbwc_server import mapping
from qbwc_server.mapping import Profile
from qbwc_server.sync.deciding import books_fields


@dataclass(frozen=True)
class Checked:
    """What was found. `text` is the CRM's answer in a sentence; errors among `problems` keep it from working."""

    logged_in: bool
    user: str
    text: str
    quota: str | None
    problems: tuple[mapping.Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return self.logged_in and not any(one.severity == "error" for one in self.problems)

    def plain(self) -> dict[str, Any]:
        problems = [one.__dict__ | {"rule": list(one.rule) if one.rule else None} for one in self.problems]
        return {
            "ok": self.ok,
            "user": self.user,
            "text": self.text,
            "quota": self.quota,
            "problems": problems,
        }


def check_connection(
    profile: Profile, version: str | None, open_crm: Callable[[dict[str, list[str]]], Gateway]
) -> Checked:
    """`version` is the qbXML version that the company speaks, None before its first visit.

    `open_crm` gets the field names that are expected to show, by kind.
    """
    gateway = open_crm(expected_fields(profile))
    try:
        found = gateway.check()
        if not found.user and not found.ok:
            return Checked(False, found.user, found.text, found.quota)
        return Checked(found.ok, found.user, found.text, found.quota, _problems(profile, version, gateway))
    except CrmError as trouble:
        return Checked(False, "", str(trouble), None)
    finally:
        gateway.close()


def _problems(profile: Profile, version: str | None, gateway: Gateway) -> tuple[mapping.Problem, ...]:
    crm = {kind: gateway.describe(kind) for kind in expected_fields(profile)}
    books = {kind: books_fields(kind) for kind in mapping.books_kinds(profile)}
    return mapping.check(profile, crm, books, version)


def expected_fields(profile: Profile) -> dict[str, list[str]]:
    """Every CRM field that the profile reads or writes, by kind."""
    wanted: dict[str, list[str]] = {}
    for kind_map in profile.kinds:
        for name, fields in mapping.crm_reads(kind_map).items():
            contributor = kind_map.contributor(name) if name else None
            known = wanted.setdefault(contributor.kind if contributor else kind_map.crm_kind, [])
            known += [field for field in fields if field not in known]
    return wanted
