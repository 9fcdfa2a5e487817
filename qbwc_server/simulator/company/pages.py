"""How any query answers: all at once, counted only, or page by page (semantics 3)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.statuses import NO_MATCH, NOT_FOUND, TEXTS, Record


@dataclass(frozen=True)
class Found:
    """IDs in the order of the answer, and what was named that nobody has."""

    ids: list[str]
    missing: list[str]


@dataclass(frozen=True)
class Paged:
    """One query request: what finds the IDs, and what makes records of them."""

    find: Callable[[Call], Found]
    records: Callable[[Call, list[str]], tuple[Record, ...]]

    def answer(self, call: Call) -> Reply:
        if call.request.attributes.get("iterator") in ("Continue", "Stop"):
            return self._further(call)
        found = self.find(call)
        if call.request.attributes.get("metaData") == "MetaDataOnly":
            return _judged(Reply(ret_count=len(found.ids)), found)
        if call.request.attributes.get("iterator") == "Start" and found.ids:
            return self._page(call, call.session.start(call.request.name, call.values, found.ids))
        return _judged(self._counted(call, found.ids[: call.values.get("MaxReturned")]), found)

    def _further(self, call: Call) -> Reply:
        iterator_id = call.request.attributes.get("iteratorID", "")
        call.session.running(iterator_id, call.request.name, call.values)
        if call.request.attributes["iterator"] == "Stop":
            call.session.stop(iterator_id)
            return Reply()
        return self._page(call, iterator_id)

    def _page(self, call: Call, iterator_id: str) -> Reply:
        """The ID is still told with the last page, but asking on is an error then."""
        iterator = call.session.iterators[iterator_id]
        page = iterator.page(call.values.get("MaxReturned"))
        if not iterator.waiting:
            call.session.stop(iterator_id)
        reply = self._counted(call, page)
        return replace(reply, iterator_id=iterator_id, iterator_remaining=len(iterator.waiting))

    def _counted(self, call: Call, ids: list[str]) -> Reply:
        records = self.records(call, ids)
        counted = call.request.attributes.get("metaData") == "MetaDataAndResponseData"
        return Reply(records, ret_count=len(records) if counted else None)


def _judged(reply: Reply, found: Found) -> Reply:
    """Status 1 when a filter finds nothing, 500 with what there is when something named is not there (semantics 2)."""
    if found.missing:
        return replace(reply, code=NOT_FOUND, message=TEXTS[NOT_FOUND].format(found.missing[0]))
    return reply if found.ids else replace(reply, code=NO_MATCH, message=TEXTS[NO_MATCH])
