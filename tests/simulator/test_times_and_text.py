"""Wall times, January's offset and the character store; sections are of qbxml-semantics.md."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.simulator import CompanyFile, SimulatorError
from qbwc_server.simulator.company.clock import WallClock
from tests.simulator.conftest import Clock, Office, document


def office_in(zone: str, tmp_path: Path, at: datetime) -> Office:
    clock = Clock()
    clock.now = at
    return Office(
        CompanyFile.create(tmp_path / "zone.sqlite", company_name="Zone", timezone=zone, clock=clock),
        clock,
        None,
    )


class TestTimes:
    @pytest.mark.parametrize(
        ("zone", "instant", "printed"),
        [
            # 4 Times: the wall time is right, the offset is that of January
            ("America/New_York", "2026-07-01T12:00:00", "2026-07-01T08:00:00-05:00"),
            ("America/New_York", "2026-01-01T12:00:00", "2026-01-01T07:00:00-05:00"),
            ("America/Los_Angeles", "2026-07-01T12:00:00", "2026-07-01T05:00:00-08:00"),
            ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T14:00:00+01:00"),
            ("Australia/Sydney", "2026-07-01T12:00:00", "2026-07-01T22:00:00+11:00"),
            ("America/Sao_Paulo", "2018-08-01T12:00:00", "2018-08-01T09:00:00-02:00"),
            ("America/Phoenix", "2026-07-01T12:00:00", "2026-07-01T05:00:00-07:00"),
            ("Asia/Kolkata", "2026-07-01T12:00:00", "2026-07-01T17:30:00+05:30"),
        ],
    )
    def test_the_offset_never_changes_over_the_year(
        self, tmp_path: Path, zone: str, instant: str, printed: str
    ) -> None:
        office = office_in(zone, tmp_path, datetime.fromisoformat(instant).replace(tzinfo=UTC))
        assert office.ret(office.add("Ann")).findtext("TimeModified") == printed
        office.company.close()

    @pytest.mark.parametrize(
        ("sent", "found"),
        [
            # added at 11:00:00 on the wall of New York, in summer (15:00 UTC)
            ("2026-08-01T11:00:00", True),
            ("2026-08-01T11:00:01", False),
            # its own wrong offset is taken back as it was printed
            ("2026-08-01T11:00:00-05:00", True),
            ("2026-08-01T11:00:01-05:00", False),
            # the true offset, or UTC, is an hour off in summer
            ("2026-08-01T11:00:00-04:00", True),
            ("2026-08-01T12:00:00-04:00", True),
            ("2026-08-01T16:00:00+00:00", True),
            ("2026-08-01T16:00:01+00:00", False),
        ],
    )
    def test_an_offset_in_a_filter_is_read_with_januarys(
        self, office: Office, sent: str, found: bool
    ) -> None:
        # 4: it expects the same wrong offset back, or none at all
        office.add("Ann")
        names = office.names(
            f"<CustomerQueryRq><FromModifiedDate>{sent}</FromModifiedDate></CustomerQueryRq>"
        )
        assert bool(names) is found

    @given(
        epoch=st.integers(978_307_200, 2_145_000_000),
        zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Sydney", "America/Phoenix"]),
    )
    def test_the_printed_wall_time_is_the_one_the_zone_shows(self, epoch: int, zone: str) -> None:
        instant = datetime.fromtimestamp(epoch, UTC)
        clock = WallClock(ZoneInfo(zone), lambda: instant)
        wall, offset = clock.printed(clock.now())[:19], clock.printed(clock.now())[19:]
        assert wall == instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S")
        january = datetime(int(wall[:4]), 1, 15, tzinfo=ZoneInfo(zone)).utcoffset()
        assert datetime.fromisoformat(f"2000-01-01T00:00:00{offset}").utcoffset() == january

    def test_the_hour_that_autumn_repeats_shows_the_same_wall_time_twice(self, tmp_path: Path) -> None:
        # 4: wall times are ambiguous there
        office = office_in("America/New_York", tmp_path, datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
        first = office.ret(office.add("A")).findtext("TimeCreated")
        office.clock.now += timedelta(hours=1)
        assert office.ret(office.add("B")).findtext("TimeCreated") == first == "2026-11-01T01:30:00-05:00"
        office.company.close()

    def test_an_unknown_zone_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SimulatorError, match="time zone"):
            CompanyFile.create(tmp_path / "x.sqlite", company_name="X", timezone="America/Atlantis")


class TestText:
    def test_latin_1_survives_both_ways_raw_and_as_references(self, office: Office) -> None:
        # 5 Characters
        ret = office.ret(_added(office, "Jos&#233; M&#xFC;ller aus Köln"))
        assert ret.findtext("Name") == "José Müller aus Köln"

    @pytest.mark.parametrize("text", ["Ωmega", "中文", "naïve – dash", "“quoted”", "€"])
    def test_other_characters_written_raw_are_a_parse_failure(self, office: Office, text: str) -> None:
        assert (
            office.refusal(
                document(f"<CustomerAddRq><CustomerAdd><Name>{text}</Name></CustomerAdd></CustomerAddRq>")
            )[0]
            == "0x80040400"
        )

    def test_other_characters_as_references_become_question_marks(self, office: Office) -> None:
        ret = office.ret(_added(office, "&#937;mega &#x4E2D;"))
        assert ret.findtext("Name") == "?mega ?"

    def test_names_that_differ_only_in_lost_characters_collide(self, office: Office) -> None:
        _added(office, "&#20013;")
        rs = office.ask("<CustomerAddRq><CustomerAdd><Name>&#25991;</Name></CustomerAdd></CustomerAddRq>")
        assert rs.get("statusCode") == "3100"

    def test_answers_are_ascii_with_numeric_references(self, office: Office) -> None:
        office.add("José")
        answer = office.company.process(office.session, document("<CustomerQueryRq/>"))
        assert "Jos&#233;" in answer
        assert answer.isascii()

    def test_markup_in_a_value_is_only_text(self, office: Office) -> None:
        ret = office.ret(office.add("A & B <\"'>", "<Notes>&lt;b&gt;&amp;amp;</Notes>"))
        assert (ret.findtext("Name"), ret.findtext("Notes")) == ("A & B <\"'>", "<b>&amp;")

    def test_line_breaks_in_notes_stay(self, office: Office) -> None:
        # measured: notes of real customers hold them
        assert office.ret(office.add("Ann", "<Notes>one\n\ntwo</Notes>")).findtext("Notes") == "one\n\ntwo"


def _added(office: Office, name: str) -> str:
    rs = office.ask(f"<CustomerAddRq><CustomerAdd><Name>{name}</Name></CustomerAdd></CustomerAddRq>")
    return rs.findtext("CustomerRet/ListID") or ""
