"""Loading a recorded answer of a real file, and believable customers; sections are of qbxml-semantics.md."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, SimulatorError
from qbwc_server.simulator.seed import seed_customers
from tests.simulator.conftest import Office

# Printed forms that people typed with other blanks than QuickBooks would put.
BLOCKS = ("BillAddressBlock", "ShipAddressBlock")


@pytest.fixture
def recorded(shared: Path) -> bytes:
    path = shared / "samples/intuit-sample-company/customers.xml"
    if not path.is_file():
        pytest.skip("the sample company is not beside this checkout")
    return path.read_bytes()


def by_id(tree: etree._Element) -> dict[str | None, etree._Element]:
    return {ret.findtext("ListID"): ret for ret in tree.iter("CustomerRet")}


def flat(ret: etree._Element) -> list[tuple[str, str]]:
    return [(element.tag, (element.text or "").strip()) for element in ret.iter()]


class TestSampleCompany:
    def test_every_customer_comes_back_word_for_word(self, office: Office, recorded: bytes) -> None:
        # measured: ListIDs, parents, times with their offset, derived lists, totals
        assert office.company.load(recorded) == 146
        original = by_id(etree.fromstring(recorded))
        answered = by_id(office.ask("<CustomerQueryRq><ActiveStatus>All</ActiveStatus></CustomerQueryRq>"))
        assert answered.keys() == original.keys()
        for list_id, ret in original.items():
            extra = Counter(flat(answered[list_id])) - Counter(flat(ret))
            assert Counter(flat(ret)) - Counter(flat(answered[list_id])) == Counter(), list_id
            # an address without a recorded printed form gets one
            assert {tag for tag, _ in extra} <= {*BLOCKS, "Addr1", "Addr2", "Addr3", "Addr4", "Addr5"}, (
                list_id
            )

    def test_balances_add_up_to_the_recorded_totals(self, office: Office, recorded: bytes) -> None:
        # 6: TotalBalance = with jobs
        office.company.load(recorded)
        for ret in by_id(etree.fromstring(recorded)).values():
            mine = office.company.customer(ret.findtext("ListID") or "")
            assert Decimal(mine["TotalBalance"]) == Decimal(ret.findtext("TotalBalance") or "")

    def test_a_loaded_customer_can_be_edited_and_gets_todays_stamps(
        self, office: Office, recorded: bytes
    ) -> None:
        office.company.load(recorded)
        list_id = "150000-933272658"
        ret = office.mod(list_id, "<Phone>555-0000</Phone>")[0]
        assert ret.findtext("AdditionalContactRef/ContactValue") == "555-0000"
        assert ret.findtext("TimeModified") == "2026-08-01T11:00:00-05:00"
        assert ret.findtext("TimeCreated") == "1999-07-29T14:24:18-05:00"
        assert ret.findtext("BillAddressBlock/Addr3") == "Bayshore CA 94326"
        ret = office.mod(list_id, "<BillAddress><Addr1>New</Addr1><City>Austin</City></BillAddress>")[0]
        assert [line.text for line in ret.findall("BillAddressBlock/*")] == ["New", "Austin"]

    def test_new_ListIDs_go_on_after_the_recorded_ones(self, office: Office, recorded: bytes) -> None:
        # 4 IDs
        office.company.load(recorded)
        recorded_numbers = [
            int((ret.findtext("ListID") or "").partition("-")[0], 16)
            for ret in by_id(etree.fromstring(recorded)).values()
        ]
        assert int(office.add("New").partition("-")[0], 16) == max(recorded_numbers) + 1

    def test_it_loads_beside_what_people_entered_before(self, office: Office, recorded: bytes) -> None:
        seed_customers(office.company, 20, 7)
        office.company.load(recorded)
        assert len(office.company.customers()) >= 166
        ret = office.ret("150000-933272658")
        assert ret.findtext("TermsRef/FullName") == "Net 30"

    def test_the_whole_list_pages_without_loss(self, office: Office, recorded: bytes) -> None:
        # 3
        office.company.load(recorded)
        page = "<CustomerQueryRq {}><MaxReturned>50</MaxReturned></CustomerQueryRq>"
        rs = office.ask(page.format('iterator="Start"'))
        seen = [ret.findtext("ListID") for ret in rs]
        while rs.get("iteratorRemainingCount") != "0":
            rs = office.ask(page.format(f'iterator="Continue" iteratorID="{rs.get("iteratorID")}"'))
            seen += [ret.findtext("ListID") for ret in rs]
        assert sorted(map(str, seen)) == sorted(map(str, by_id(etree.fromstring(recorded))))


class TestLoading:
    def recording(self, *rets: str) -> str:
        return (
            '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs statusCode="0" statusSeverity="Info" '
            f'statusMessage="Status OK">{"".join(rets)}</CustomerQueryRs></QBXMLMsgsRs></QBXML>'
        )

    def ret(self, list_id: str, full_name: str, more: str = "") -> str:
        *above, name = full_name.split(":")
        return (
            f"<CustomerRet><ListID>{list_id}</ListID><TimeCreated>2020-01-01T00:00:00-05:00</TimeCreated>"
            "<TimeModified>2020-01-02T00:00:00-05:00</TimeModified><EditSequence>1577854800</EditSequence>"
            f"<Name>{name}</Name><FullName>{full_name}</FullName><IsActive>false</IsActive>{more}"
            f"<Sublevel>{len(above)}</Sublevel></CustomerRet>"
        )

    def test_jobs_may_come_before_their_customers(self, office: Office) -> None:
        parent = "<ParentRef><ListID>2-1</ListID><FullName>Ann</FullName></ParentRef>"
        office.company.load(self.recording(self.ret("1-1", "Ann:Job", parent), self.ret("2-1", "Ann")))
        assert office.ret("1-1").findtext("ParentRef/ListID") == "2-1"
        assert office.ret("2-1").findtext("IsActive") == "false"

    def test_a_missing_parent_is_told(self, company: CompanyFile) -> None:
        parent = "<ParentRef><ListID>2-1</ListID><FullName>Ann</FullName></ParentRef>"
        with pytest.raises(SimulatorError, match="Ann:Job is a job of Ann"):
            company.load(self.recording(self.ret("1-1", "Ann:Job", parent)))

    def test_nothing_is_loaded_when_one_cannot_be(self, company: CompanyFile) -> None:
        company.user_add({"Name": "Bob"})
        with pytest.raises(SimulatorError, match="Bob"):
            company.load(self.recording(self.ret("1-1", "Ann"), self.ret("2-1", "bob")))
        assert [customer["FullName"] for customer in company.customers()] == ["Bob"]

    def test_the_same_recording_twice_is_told(self, company: CompanyFile) -> None:
        company.load(self.recording(self.ret("1-1", "Ann")))
        with pytest.raises(SimulatorError, match="in this company file already"):
            company.load(self.recording(self.ret("1-1", "Ann")))

    def test_what_is_no_answer_is_told(self, company: CompanyFile) -> None:
        with pytest.raises(SimulatorError, match="cannot be read"):
            company.load("<html>")


class TestSeed:
    def test_the_same_seed_makes_the_same_people(self, tmp_path: Path) -> None:
        files = [
            CompanyFile.create(tmp_path / f"{number}.sqlite", company_name="S", timezone="UTC")
            for number in range(2)
        ]
        for file in files:
            assert len(seed_customers(file, 40, 3)) == 40
        first, second = ([(row["FullName"], row.get("Phone")) for row in file.customers()] for file in files)
        assert first == second
        assert len(first) > 40
        for file in files:
            file.close()

    def test_more_people_can_come_later(self, company: CompanyFile) -> None:
        seed_customers(company, 30)
        seed_customers(company, 30)
        names = [row["FullName"] for row in company.customers() if row["Sublevel"] == "0"]
        assert len(names) == len(set(names)) == 60
