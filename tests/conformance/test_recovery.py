"""Error recovery: an answer that got lost is stored in the company file and can be asked for."""

from pathlib import Path

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, ProcessError
from tests.conformance.desk import UNCONFIRMED, Clock, Desk, Element, cites, document, request

ADD = request("CustomerAdd", {"Name": "Ann"}, requestID="7")
OTHER = request("CustomerAdd", {"Name": "Ben"}, requestID="7")


def sent(desk: Desk, *requests: str, **ids: str) -> Element:
    return desk.answer(document(requests, **ids))


def status(answer: Element) -> str | None:
    return answer.get("messageSetStatusCode")


def canonical(answer: Element) -> list[bytes]:
    return [etree.tostring(rs, method="c14n") for rs in answer]


@cites("S1")
def test_without_recovery_an_answer_has_no_set_attributes(desk: Desk) -> None:
    assert dict(sent(desk, ADD).attrib) == {}


@cites("S1")
def test_a_set_with_a_new_id_is_executed_and_its_id_comes_back(desk: Desk) -> None:
    first = sent(desk, ADD, newMessageSetID="X1")
    assert first.get("newMessageSetID") == "X1"
    assert status(first) in (None, "0")
    assert first[0].get("statusCode") == "0"


@cites("S1")
def test_an_empty_set_with_both_ids_brings_the_stored_answer(desk: Desk) -> None:
    first = sent(desk, ADD, OTHER, ADD, newMessageSetID="X1")
    again = sent(desk, oldMessageSetID="X1", newMessageSetID="X1")
    assert status(again) == "0"
    assert canonical(again) == canonical(first)
    assert canonical(sent(desk, oldMessageSetID="X1", newMessageSetID="X1")) == canonical(first)


@cites("S1")
def test_the_same_set_sent_again_is_not_executed_twice(desk: Desk) -> None:
    first = sent(desk, ADD, newMessageSetID="X1")
    again = sent(desk, ADD, newMessageSetID="X1")
    assert (status(again), canonical(again)) == ("0", canonical(first))
    assert desk.company.counts()["CustomerAdd"] == 1


@cites("S1")
def test_other_content_under_the_same_id_is_9001_and_not_executed(desk: Desk) -> None:
    sent(desk, ADD, newMessageSetID="X1")
    assert status(sent(desk, OTHER, newMessageSetID="X1")) == "9001"
    assert desk.names("Customer") == {"Ann"}


@cites("S1")
def test_an_unknown_old_id_alone_is_600(desk: Desk) -> None:
    assert status(sent(desk, oldMessageSetID="X1")) == "600"


@cites("S1")
def test_asking_for_what_was_never_stored_is_9002(desk: Desk) -> None:
    assert status(sent(desk, oldMessageSetID="X1", newMessageSetID="X1")) == "9002"


@cites("S1")
def test_an_old_id_alone_clears_the_stored_answer(desk: Desk) -> None:
    sent(desk, ADD, newMessageSetID="X1")
    assert status(sent(desk, oldMessageSetID="X1")) in (None, "0")
    assert status(sent(desk, oldMessageSetID="X1")) == "600"
    again = sent(desk, ADD, newMessageSetID="X1")
    assert again[0].get("statusCode") == "3100"


@cites("S1")
def test_one_set_clears_the_last_answer_and_stores_its_own(desk: Desk) -> None:
    sent(desk, ADD, newMessageSetID="X1")
    second = sent(desk, OTHER, oldMessageSetID="X1", newMessageSetID="X2")
    assert second[0].get("statusCode") == "0"
    assert canonical(sent(desk, oldMessageSetID="X2", newMessageSetID="X2")) == canonical(second)
    assert status(sent(desk, oldMessageSetID="X1")) == "600"


@cites("S1")
@pytest.mark.parametrize("length", [25, 32, 36])
def test_an_id_longer_than_allowed_is_9004_and_not_executed(desk: Desk, length: int) -> None:
    assert status(sent(desk, ADD, newMessageSetID="x" * length)) == "9004"
    assert desk.names("Customer") == set()


@cites("S1")
@pytest.mark.parametrize("length", [1, 16, 20, 23])
def test_an_id_of_an_allowed_length_works(desk: Desk, length: int) -> None:
    sent(desk, ADD, newMessageSetID="x" * length)
    assert status(sent(desk, oldMessageSetID="x" * length, newMessageSetID="x" * length)) == "0"


@cites("S1")
def test_clear_all_clears_every_stored_answer(desk: Desk) -> None:
    sent(desk, ADD, newMessageSetID="X1")
    sent(desk, OTHER, newMessageSetID="X2")
    sent(desk, oldMessageSetID="ClearAllMessageSets")
    assert [status(sent(desk, oldMessageSetID=name)) for name in ("X1", "X2")] == ["600", "600"]


@cites("S1")
def test_stored_answers_belong_to_one_application(desk: Desk) -> None:
    sent(desk, ADD, newMessageSetID="X1")
    stranger = desk.company.begin_session("Somebody else")
    found = desk.answer(document(oldMessageSetID="X1", newMessageSetID="X1"), stranger)
    assert status(found) == "9002"


@cites("S1")
def test_an_answer_that_could_not_be_stored_is_9005(desk: Desk) -> None:
    desk.company.faults.arm("unstorable_answer")
    assert status(sent(desk, ADD, newMessageSetID="X1")) == "9005"
    assert desk.names("Customer") == {"Ann"}


@cites("S10")
def test_a_lost_answer_was_committed_and_is_stored(desk: Desk) -> None:
    desk.company.faults.arm("lose_answer")
    with pytest.raises(ProcessError):
        desk.text(document([ADD], newMessageSetID="X1"))
    assert desk.names("Customer") == {"Ann"}
    found = sent(desk, oldMessageSetID="X1", newMessageSetID="X1")
    assert (status(found), found[0].get("statusCode"), found[0].get("requestID")) == ("0", "0", "7")
    assert desk.company.counts()["CustomerAdd"] == 1


@cites("S1", UNCONFIRMED)
@pytest.mark.parametrize("code", ["9002", "600"])
def test_either_status_can_be_given_for_an_unknown_set(desk: Desk, code: str) -> None:
    if code == "600":
        desk.company.faults.arm("unknown_set")
    assert status(sent(desk, oldMessageSetID="X1", newMessageSetID="X1")) == code


@cites("S1")
def test_stored_answers_stay_with_the_company_file(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "kept.sqlite"
    company = CompanyFile.create(path, company_name="Kept", timezone="America/New_York", clock=clock)
    first = sent(Desk(company, clock, None), ADD, newMessageSetID="X1")
    company.close()
    company = CompanyFile.open(path, clock)
    again = sent(Desk(company, clock, None), oldMessageSetID="X1", newMessageSetID="X1")
    company.close()
    assert canonical(again) == canonical(first)


@cites("S1")
def test_refusals_are_stored_like_successes(desk: Desk) -> None:
    desk.customer("Ann")
    first = sent(desk, ADD, newMessageSetID="X1")
    assert first[0].get("statusCode") == "3100"
    desk.ok("ListDel", {"ListDelType": "Customer", "ListID": desk.rets("Customer")[0].findtext("ListID")})
    assert canonical(sent(desk, ADD, newMessageSetID="X1")) == canonical(first)


@cites("S1")
def test_stored_answers_of_other_ids_stay(desk: Desk) -> None:
    sent(desk, ADD, newMessageSetID="X1")
    sent(desk, OTHER, newMessageSetID="X2")
    sent(desk, oldMessageSetID="X1")
    assert status(sent(desk, oldMessageSetID="X2", newMessageSetID="X2")) == "0"
