"""Random adds, edits, renames, deletions and queries against a plain dictionary that knows the rules by itself."""

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from lxml import etree

from qbwc_server.simulator import CompanyFile
from tests.simulator.conftest import XSD, Clock, Office

NAMES = st.sampled_from(["Ann", "ann", "Bob", "BOB", "Cid", "a:b", "x" * 41, "y" * 42])
FIELDS = st.dictionaries(
    st.sampled_from(["Phone", "CompanyName", "Notes"]),
    st.sampled_from(["", "1", "two", "three & four"]),
    max_size=2,
)
SCHEMA = etree.XMLSchema(etree.parse(str(XSD))) if XSD.is_file() else None


@dataclass
class Person:
    name: str
    parent: str
    sequence: str
    modified: str
    active: bool = True
    fields: dict[str, str] = field(default_factory=dict)


class CustomerMachine(RuleBasedStateMachine):
    people = Bundle("people")

    @initialize()
    def open_file(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.company = CompanyFile.create(
            Path(self.folder.name) / "m.sqlite", company_name="M", timezone="UTC", clock=self.clock
        )
        self.office = Office(self.company, self.clock, SCHEMA)
        self.model: dict[str, Person] = {}
        self.gone: set[str] = set()
        self.writes = {"CustomerAdd": 0, "CustomerMod": 0, "ListDel": 0}

    # -- what the model says -----------------------------------------------------------------------------------

    def full_name(self, list_id: str) -> str:
        person = self.model[list_id]
        return f"{self.full_name(person.parent)}:{person.name}" if person.parent else person.name

    def level(self, list_id: str) -> int:
        return 1 + self.level(self.model[list_id].parent) if list_id else 0

    def line(self, list_id: str) -> list[str]:
        return [list_id, *self.line(self.model[list_id].parent)] if list_id else []

    def height(self, list_id: str) -> int:
        return 1 + max((self.height(child) for child in self.children(list_id)), default=0)

    def children(self, list_id: str) -> list[str]:
        return [child for child, person in self.model.items() if person.parent == list_id]

    def is_taken(self, name: str, parent: str, but: str = "") -> bool:
        return any(
            person.name.lower() == name.lower() and person.parent == parent
            for list_id, person in self.model.items()
            if list_id != but
        )

    # -- what happens ------------------------------------------------------------------------------------------

    @rule(target=people, name=NAMES, fields=FIELDS, parent=st.none() | people)
    def add(self, name: str, fields: dict[str, str], parent: str | None) -> str:
        ref = f"<ParentRef><ListID>{parent}</ListID></ParentRef>" if parent else ""
        rs = self.office.ask(
            f"<CustomerAddRq><CustomerAdd><Name>{name}</Name>{ref}{inner(fields)}</CustomerAdd>"
            "</CustomerAddRq>"
        )
        expected = self.refusal_of_add(name, parent or "")
        assert rs.get("statusCode") == expected
        if expected != "0":
            return ""
        list_id = rs.findtext("CustomerRet/ListID") or ""
        assert list_id not in self.model
        assert list_id not in self.gone
        self.model[list_id] = Person(
            name,
            parent or "",
            rs.findtext("CustomerRet/EditSequence") or "",
            self.wall(),
            True,
            {key: text for key, text in fields.items() if text},
        )
        self.writes["CustomerAdd"] += 1
        return list_id

    def refusal_of_add(self, name: str, parent: str) -> str:
        if len(name) > 41:
            return "3070"
        if ":" in name:
            return "3090"
        if parent and parent not in self.model:
            return "3130"
        if self.is_taken(name, parent):
            return "3100"
        return "3180" if self.level(parent) == 5 else "0"

    @rule(
        list_id=people,
        fields=FIELDS,
        name=st.none() | NAMES,
        active=st.none() | st.booleans(),
        stale=st.booleans(),
    )
    def mod(
        self, list_id: str, fields: dict[str, str], name: str | None, active: bool | None, stale: bool
    ) -> None:
        person = self.model.get(list_id)
        sequence = person.sequence if person and not stale else "1"
        changes = (
            (f"<Name>{name}</Name>" if name is not None else "")
            + (f"<IsActive>{'true' if active else 'false'}</IsActive>" if active is not None else "")
            + inner(fields)
        )
        rs = self.office.mod(list_id or "80000099-1", changes, sequence)
        expected = self.refusal_of_mod(list_id, name, stale)
        assert rs.get("statusCode") == expected
        if expected == "3200" and person:
            assert rs.findtext("CustomerRet/EditSequence") == person.sequence
        if expected == "0" and person:
            self.writes["CustomerMod"] += 1
            self.changed(person, rs, fields, name, active)

    def refusal_of_mod(self, list_id: str, name: str | None, stale: bool) -> str:
        if name is not None and len(name) > 41:
            return "3070"
        if list_id not in self.model:
            return "3120"
        if stale:
            return "3200"
        if name is not None and ":" in name:
            return "3090"
        return (
            "3170" if name is not None and self.is_taken(name, self.model[list_id].parent, list_id) else "0"
        )

    def changed(
        self,
        person: Person,
        rs: etree._Element,
        fields: dict[str, str],
        name: str | None,
        active: bool | None,
    ) -> None:
        sequence = rs.findtext("CustomerRet/EditSequence") or ""
        assert int(sequence) > int(person.sequence)
        person.sequence, person.modified = sequence, self.wall()
        person.name = person.name if name is None else name
        person.active = person.active if active is None else active
        person.fields = {key: text for key, text in {**person.fields, **fields}.items() if text}

    @rule(list_id=people, parent=st.none() | people)
    def move(self, list_id: str, parent: str | None) -> None:
        if list_id not in self.model:
            return
        ref = f"<ParentRef><ListID>{parent}</ListID></ParentRef>" if parent else "<ParentRef/>"
        person = self.model[list_id]
        rs = self.office.mod(list_id, ref, person.sequence)
        code = rs.get("statusCode")
        above = parent or ""
        if above and (above not in self.model or list_id in self.line(above)):
            assert code == "3130"
        elif above == person.parent:
            assert code == "0"
        elif self.is_taken(person.name, above, list_id):
            assert code == "3170"
        elif self.level(above) + self.height(list_id) > 5:
            assert code == "3180"
        else:
            assert code == "0"
        if code == "0":
            person.parent = above
            self.writes["CustomerMod"] += 1
            self.changed(person, rs, {}, None, None)

    @rule(list_id=consumes(people))
    def delete(self, list_id: str) -> None:
        rs = self.office.ask(
            f"<ListDelRq><ListDelType>Customer</ListDelType><ListID>{list_id or '80000099-1'}"
            "</ListID></ListDelRq>"
        )
        if list_id not in self.model:
            assert rs.get("statusCode") == "3120"
        elif self.children(list_id):
            assert rs.get("statusCode") == "3160"
        else:
            assert (rs.get("statusCode"), rs.findtext("FullName")) == ("0", self.full_name(list_id))
            del self.model[list_id]
            self.gone.add(list_id)
            self.writes["ListDel"] += 1

    @rule(minutes=st.integers(0, 300))
    def time_passes(self, minutes: int) -> None:
        self.clock.now += timedelta(minutes=minutes)

    @rule(back=st.integers(0, 300))
    def ask_for_what_changed(self, back: int) -> None:
        since = (self.clock.now - timedelta(minutes=back)).strftime("%Y-%m-%dT%H:%M:%S")
        rs = self.office.ask(
            f"<CustomerQueryRq><ActiveStatus>All</ActiveStatus><FromModifiedDate>{since}"
            "</FromModifiedDate></CustomerQueryRq>"
        )
        assert {ret.findtext("ListID") for ret in rs} == {
            list_id for list_id, person in self.model.items() if person.modified >= since
        }

    @rule(size=st.integers(1, 4))
    def page_through_the_active_ones(self, size: int) -> None:
        page = f"<CustomerQueryRq {{}}><MaxReturned>{size}</MaxReturned></CustomerQueryRq>"
        rs = self.office.ask(page.format('iterator="Start"'))
        seen = [ret.findtext("ListID") for ret in rs]
        while int(rs.get("iteratorRemainingCount") or 0):
            rs = self.office.ask(page.format(f'iterator="Continue" iteratorID="{rs.get("iteratorID")}"'))
            assert len(rs) <= size
            seen += [ret.findtext("ListID") for ret in rs]
        assert len(seen) == len(set(seen))
        assert set(seen) == {list_id for list_id, person in self.model.items() if person.active}

    # -- what always holds -------------------------------------------------------------------------------------

    @invariant()
    def the_file_holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "model"):
            return
        held = {row["ListID"]: row for row in self.company.customers()}
        assert held.keys() == self.model.keys()
        for list_id, person in self.model.items():
            row = held[list_id]
            assert (row["Name"], row["FullName"], row["EditSequence"], row["IsActive"]) == (
                person.name,
                self.full_name(list_id),
                person.sequence,
                "true" if person.active else "false",
            )
            assert int(row["Sublevel"]) == self.level(list_id) - 1
            assert {key: row[key] for key in ("Phone", "CompanyName", "Notes") if key in row} == person.fields
        counts = self.company.counts()
        assert {name: counts.get(name, 0) for name in self.writes} == self.writes

    def wall(self) -> str:
        return self.clock.now.strftime("%Y-%m-%dT%H:%M:%S")

    def teardown(self) -> None:
        if hasattr(self, "company"):
            self.company.close()
            self.folder.cleanup()


def inner(fields: dict[str, str]) -> str:
    """The fields in the order QuickBooks wants them."""
    return "".join(
        f"<{name}>{fields[name].replace('&', '&amp;')}</{name}>"
        for name in ("CompanyName", "Phone", "Notes")
        if name in fields
    )


TestCustomerMachine = CustomerMachine.TestCase
TestCustomerMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
