"""CustomerQuery: filters, pages, counts; sections are of qbxml-semantics.md."""

import re

import pytest
from lxml import etree

from tests.simulator.conftest import Office, document


def query(inside: str = "", attributes: str = "") -> str:
    return f"<CustomerQueryRq {attributes}>{inside}</CustomerQueryRq>"


@pytest.fixture
def people(office: Office) -> dict[str, str]:
    """ListIDs of a small list, each made an hour after the one before."""
    ids: dict[str, str] = {}
    for name, more in (
        ("Cole", ""),
        ("abbott", "<IsActive>false</IsActive>"),
        ("Baker", "<OpenBalance>10.00</OpenBalance>"),
        ("Bakersfield Ltd", "<OpenBalance>20.00</OpenBalance>"),
    ):
        ids[name] = office.add(name, more)
        office.clock.advance(hours=1)
    ids["Kitchen"] = office.job(ids["Baker"], "Kitchen")
    return ids


class TestDefaults:
    def test_only_active_ones_parents_before_their_jobs(self, office: Office, people: dict[str, str]) -> None:
        # 3, 4 Filters: ActiveStatus default ActiveOnly
        assert office.names(query()) == ["Baker", "Baker:Kitchen", "Bakersfield Ltd", "Cole"]

    def test_no_count_no_private_data(self, office: Office, people: dict[str, str]) -> None:
        # 3 metaData, OwnerID
        rs = office.ask(query())
        assert (rs.get("retCount"), rs.get("iteratorID"), rs.find(".//DataExtRet")) == (None, None, None)

    def test_nothing_found_is_status_1_without_children(self, office: Office) -> None:
        # 2
        rs = office.ask(query())
        assert (rs.get("statusCode"), rs.get("statusSeverity"), rs.get("statusMessage"), len(rs)) == (
            "1",
            "Info",
            "A query request did not find a matching object in QuickBooks",
            0,
        )


class TestByName:
    def test_IDs_and_names_find_inactive_ones_too(self, office: Office, people: dict[str, str]) -> None:
        # 3 Query shape
        assert office.names(
            query(f"<ListID>{people['abbott']}</ListID><ListID>{people['Cole']}</ListID>")
        ) == ["abbott", "Cole"]
        assert office.names(query("<FullName>ABBOTT</FullName><FullName>baker:kitchen</FullName>")) == [
            "abbott",
            "Baker:Kitchen",
        ]

    def test_a_name_that_is_not_there_is_500_with_what_was_found(
        self, office: Office, people: dict[str, str]
    ) -> None:
        # 2
        rs = office.ask(query("<FullName>Cole</FullName><FullName>Nobody</FullName>"))
        assert (rs.get("statusCode"), rs.get("statusSeverity")) == ("500", "Warn")
        assert rs.get("statusMessage") == (
            'The query request has not been fully completed. There was a required element ("Nobody") that could '
            "not be found in QuickBooks."
        )
        assert [ret.findtext("FullName") for ret in rs] == ["Cole"]

    def test_an_ID_of_another_list_is_not_found(self, office: Office) -> None:
        vendor = office.company.user_add({"Name": "Pat"}, "Vendor")
        assert office.ask(query(f"<ListID>{vendor}</ListID>")).get("statusCode") == "500"

    def test_mixing_names_and_filters_is_a_parse_failure(self, office: Office) -> None:
        # 3 Query shape is a strict choice
        hresult, _ = office.refusal(document(query("<FullName>Cole</FullName><MaxReturned>1</MaxReturned>")))
        assert hresult == "0x80040400"


class TestFilters:
    @pytest.mark.parametrize(
        ("status", "names"),
        [
            ("ActiveOnly", ["Baker", "Baker:Kitchen", "Bakersfield Ltd", "Cole"]),
            ("InactiveOnly", ["abbott"]),
            ("All", ["abbott", "Baker", "Baker:Kitchen", "Bakersfield Ltd", "Cole"]),
        ],
    )
    def test_active_status(
        self, office: Office, people: dict[str, str], status: str, names: list[str]
    ) -> None:
        assert office.names(query(f"<ActiveStatus>{status}</ActiveStatus>")) == names

    def test_MaxReturned_cuts_silently(self, office: Office, people: dict[str, str]) -> None:
        rs = office.ask(query("<MaxReturned>2</MaxReturned>"))
        assert ([ret.findtext("Name") for ret in rs], rs.get("statusCode")) == (["Baker", "Kitchen"], "0")

    @pytest.mark.parametrize(
        ("window", "names"),
        [
            # Cole 11:00, abbott 12:00, Baker 13:00, Bakersfield 14:00, Kitchen 15:00, on the wall in New York
            (
                "<FromModifiedDate>2026-08-01T13:00:00</FromModifiedDate>",
                ["Baker", "Baker:Kitchen", "Bakersfield Ltd"],
            ),
            (
                "<FromModifiedDate>2026-08-01T13:00:01</FromModifiedDate>",
                ["Baker:Kitchen", "Bakersfield Ltd"],
            ),
            ("<ToModifiedDate>2026-08-01T13:00:00</ToModifiedDate>", ["abbott", "Baker", "Cole"]),
            (
                "<FromModifiedDate>2026-08-01T12:00:00</FromModifiedDate><ToModifiedDate>2026-08-01T12:00:00</ToModifiedDate>",
                ["abbott"],
            ),
            (
                "<FromModifiedDate>2026-08-01</FromModifiedDate><ToModifiedDate>2026-08-01</ToModifiedDate>",
                ["abbott", "Baker", "Baker:Kitchen", "Bakersfield Ltd", "Cole"],
            ),
            ("<FromModifiedDate>2026-08-02</FromModifiedDate>", []),
            ("<ToModifiedDate>2026-07-31</ToModifiedDate>", []),
        ],
    )
    def test_both_ends_of_a_modified_range_belong_to_it(
        self, office: Office, people: dict[str, str], window: str, names: list[str]
    ) -> None:
        # 4 Filters
        assert office.names(query(f"<ActiveStatus>All</ActiveStatus>{window}")) == names

    def test_a_range_that_ends_before_it_begins_is_3030(self, office: Office) -> None:
        rs = office.ask(
            query(
                "<FromModifiedDate>2026-08-02</FromModifiedDate><ToModifiedDate>2026-08-01</ToModifiedDate>"
            )
        )
        assert rs.get("statusCode") == "3030"

    @pytest.mark.parametrize(
        ("criterion", "text", "names"),
        [
            ("StartsWith", "BAKER", ["Baker", "Bakersfield Ltd"]),
            ("EndsWith", "ltd", ["Bakersfield Ltd"]),
            ("Contains", "itch", ["Baker:Kitchen"]),
            ("Contains", "%", []),
            ("StartsWith", "_aker", []),
        ],
    )
    def test_names_are_matched_without_case(
        self, office: Office, people: dict[str, str], criterion: str, text: str, names: list[str]
    ) -> None:
        assert (
            office.names(
                query(
                    f"<NameFilter><MatchCriterion>{criterion}</MatchCriterion><Name>{text}</Name>"
                    "</NameFilter>"
                )
            )
            == names
        )

    @pytest.mark.parametrize(
        ("span", "names"),
        [
            ("<FromName>bakers</FromName>", ["Baker:Kitchen", "Bakersfield Ltd", "Cole"]),
            ("<ToName>Baker</ToName>", ["Baker"]),
            ("<FromName>Baker</FromName><ToName>C</ToName>", ["Baker", "Bakersfield Ltd"]),
        ],
    )
    def test_name_ranges(self, office: Office, people: dict[str, str], span: str, names: list[str]) -> None:
        assert office.names(query(f"<NameRangeFilter>{span}</NameRangeFilter>")) == names

    def test_a_name_range_that_runs_backwards_is_3031(self, office: Office) -> None:
        rs = office.ask(query("<NameRangeFilter><FromName>Z</FromName><ToName>A</ToName></NameRangeFilter>"))
        assert rs.get("statusCode") == "3031"

    @pytest.mark.parametrize(
        ("operator", "amount", "names"),
        [
            ("Equal", "10.00", ["Baker"]),
            ("GreaterThan", "10.00", ["Bakersfield Ltd"]),
            ("GreaterThanEqual", "10", ["Baker", "Bakersfield Ltd"]),
            ("LessThan", "10.00", ["Baker:Kitchen", "Cole"]),
            ("LessThanEqual", "10.00", ["Baker", "Baker:Kitchen", "Cole"]),
        ],
    )
    def test_total_balance(
        self, office: Office, people: dict[str, str], operator: str, amount: str, names: list[str]
    ) -> None:
        assert (
            office.names(
                query(
                    f"<TotalBalanceFilter><Operator>{operator}</Operator><Amount>{amount}</Amount>"
                    "</TotalBalanceFilter>"
                )
            )
            == names
        )

    def test_class_and_currency(self, office: Office, people: dict[str, str]) -> None:
        consulting = office.company.user_add({"Name": "Consulting"}, "Class")
        office.mod(people["Cole"], f"<ClassRef><ListID>{consulting}</ListID></ClassRef>")
        office.mod(people["Baker"], "<CurrencyRef><FullName>US Dollar</FullName></CurrencyRef>")
        assert office.names(query("<ClassFilter><FullName>consulting</FullName></ClassFilter>")) == ["Cole"]
        assert office.names(
            query(f"<ClassFilter><ListIDWithChildren>{consulting}</ListIDWithChildren></ClassFilter>")
        ) == ["Cole"]
        assert office.names(query("<CurrencyFilter><FullName>US Dollar</FullName></CurrencyFilter>")) == [
            "Baker"
        ]
        assert office.names(query("<CurrencyFilter><FullName>Euro</FullName></CurrencyFilter>")) == []


class TestShape:
    def test_IncludeRetElement_names_top_level_children_case_exact(
        self, office: Office, people: dict[str, str]
    ) -> None:
        # 3
        rs = office.ask(
            query(
                "<FullName>Baker:Kitchen</FullName><IncludeRetElement>Name</IncludeRetElement>"
                "<IncludeRetElement>ParentRef</IncludeRetElement><IncludeRetElement>fullname"
                "</IncludeRetElement><IncludeRetElement>Nonsense</IncludeRetElement>"
            )
        )
        assert [child.tag for child in rs[0]] == ["Name", "ParentRef"]

    def test_an_older_version_is_answered_without_newer_fields(self, office: Office) -> None:
        # 1: the instruction picks the version that is answered in; 7
        list_id = office.add(
            "Ann",
            "<JobTitle>Boss</JobTitle><BillAddress><Addr1>a</Addr1><Addr5>e</Addr5>"
            "</BillAddress><Phone>1</Phone>",
        )
        old = office.ask(query(f"<ListID>{list_id}</ListID>"), version="5.0")[0]
        assert [child.tag for child in old] == [
            "ListID",
            "TimeCreated",
            "TimeModified",
            "EditSequence",
            "Name",
            "FullName",
            "IsActive",
            "Sublevel",
            "BillAddress",
            "Phone",
            "Balance",
            "TotalBalance",
            "JobStatus",
        ]
        assert [child.tag for child in old.find("BillAddress")] == ["Addr1"]  # type: ignore[union-attr]

    def test_private_data_comes_for_the_owners_that_are_asked_for(self, office: Office) -> None:
        # 3 OwnerID
        office.company.load(
            '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs statusCode="0" '
            'statusSeverity="Info" statusMessage="Status OK"><CustomerRet><ListID>10-1</ListID>'
            "<TimeCreated>2020-01-01T00:00:00-05:00</TimeCreated><TimeModified>2020-01-01T00:00:00-05:00"
            "</TimeModified><EditSequence>1</EditSequence><Name>Ann</Name><FullName>Ann</FullName>"
            "<IsActive>true</IsActive><Sublevel>0</Sublevel><DataExtRet><OwnerID>0</OwnerID>"
            "<DataExtName>Region</DataExtName><DataExtType>STR255TYPE</DataExtType><DataExtValue>West"
            "</DataExtValue></DataExtRet></CustomerRet></CustomerQueryRs></QBXMLMsgsRs></QBXML>"
        )
        rs = office.ask(query("<ListID>10-1</ListID><OwnerID>0</OwnerID>"))
        assert rs.findtext("CustomerRet/DataExtRet/DataExtValue") == "West"
        assert office.ask(query("<ListID>10-1</ListID>")).find("CustomerRet/DataExtRet") is None
        named = office.ask(
            query("<ListID>10-1</ListID><IncludeRetElement>Name</IncludeRetElement><OwnerID>0</OwnerID>")
        )
        assert [child.tag for child in named[0]] == ["Name"]

    def test_responseData_includeNone_gives_the_status_only(
        self, office: Office, people: dict[str, str]
    ) -> None:
        # 1
        rs = office.ask(query(), responseData="includeNone")
        assert (rs.get("statusCode"), len(rs)) == ("0", 0)


class TestCounts:
    def test_MetaDataOnly_counts_without_records(self, office: Office, people: dict[str, str]) -> None:
        # 3 metaData
        rs = office.ask(query("<MaxReturned>1</MaxReturned>", 'metaData="MetaDataOnly"'))
        assert (rs.get("retCount"), len(rs)) == ("4", 0)

    def test_MetaDataAndResponseData_gives_both(self, office: Office, people: dict[str, str]) -> None:
        rs = office.ask(query("", 'metaData="MetaDataAndResponseData"'))
        assert (rs.get("retCount"), len(rs)) == ("4", 4)


class TestIterators:
    def start(self, office: Office, size: int = 2, session: str | None = None) -> etree._Element:
        return office.ask(query(f"<MaxReturned>{size}</MaxReturned>", 'iterator="Start"'), session=session)

    def go_on(
        self, office: Office, rs: etree._Element, size: int = 2, more: str = "", session: str | None = None
    ) -> etree._Element:
        return office.ask(
            query(
                f"<MaxReturned>{size}</MaxReturned>{more}",
                f'iterator="Continue" iteratorID="{rs.get("iteratorID")}"',
            ),
            session=session,
        )

    def test_pages_follow_each_other_to_the_last(self, office: Office, people: dict[str, str]) -> None:
        # 3: the ID is still there with the last page
        first = self.start(office, 3)
        assert re.fullmatch(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", first.get("iteratorID") or "")
        assert ([ret.findtext("Name") for ret in first], first.get("iteratorRemainingCount")) == (
            ["Baker", "Kitchen", "Bakersfield Ltd"],
            "1",
        )
        last = self.go_on(office, first, 1)
        assert ([ret.findtext("Name") for ret in last], last.get("iteratorRemainingCount")) == (["Cole"], "0")
        assert last.get("iteratorID") == first.get("iteratorID")

    def test_asking_on_after_the_last_page_is_an_error(self, office: Office, people: dict[str, str]) -> None:
        last = self.start(office, 10)
        assert last.get("iteratorRemainingCount") == "0"
        rs = self.go_on(office, last)
        assert (rs.get("statusCode"), rs.get("statusMessage")) == (
            "3391",
            f'The iteratorID "{last.get("iteratorID")}" is not valid.',
        )

    def test_an_iterator_belongs_to_its_session(self, office: Office, people: dict[str, str]) -> None:
        # 3 Lifetime
        first = self.start(office)
        other = office.company.begin_session("Tests")
        assert self.go_on(office, first, session=other).get("statusCode") == "3391"
        assert self.go_on(office, first).get("statusCode") == "0"

    def test_an_iterator_dies_with_its_session(self, office: Office, people: dict[str, str]) -> None:
        first = self.start(office)
        office.company.end_session(office.session)
        office.session = office.company.begin_session("Tests")
        assert self.go_on(office, first).get("statusCode") == "3391"

    def test_stop_ends_it_early(self, office: Office, people: dict[str, str]) -> None:
        first = self.start(office)
        stop = office.ask(
            query("<MaxReturned>2</MaxReturned>", f'iterator="Stop" iteratorID="{first.get("iteratorID")}"')
        )
        assert (stop.get("statusCode"), len(stop)) == ("0", 0)
        assert self.go_on(office, first).get("statusCode") == "3391"

    def test_the_filters_must_be_the_same_again(self, office: Office, people: dict[str, str]) -> None:
        # 3
        first = self.start(office)
        assert self.go_on(office, first, more="<ActiveStatus>All</ActiveStatus>").get("statusCode") == "3391"

    def test_continue_without_an_ID_is_an_error(self, office: Office) -> None:
        rs = office.ask(query("<MaxReturned>2</MaxReturned>", 'iterator="Continue"'))
        assert rs.get("statusSeverity") == "Error"

    def test_what_was_deleted_meanwhile_is_left_out(self, office: Office, people: dict[str, str]) -> None:
        first = self.start(office, 3)
        office.company.user_delete(people["Cole"])
        assert len(self.go_on(office, first)) == 0

    def test_two_iterators_run_side_by_side(self, office: Office, people: dict[str, str]) -> None:
        first, second = self.start(office, 1), self.start(office, 1)
        assert [
            rs[0].findtext("Name") for rs in (self.go_on(office, first, 1), self.go_on(office, second, 1))
        ] == ["Kitchen", "Kitchen"]

    @pytest.mark.parametrize(
        "request_", ["HostQueryRq", "ListDeletedQueryRq", "TermsQueryRq", "AccountQueryRq"]
    )
    def test_other_queries_have_none(self, office: Office, request_: str) -> None:
        # 3 Not supported: the attribute is a parse error
        inside = "<ListDelType>Customer</ListDelType>" if request_.startswith("ListDel") else ""
        hresult, _ = office.refusal(document(f'<{request_} iterator="Start">{inside}</{request_}>'))
        assert hresult == "0x80040400"
