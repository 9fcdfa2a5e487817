"""How any query answers: all at once, counted only, or page by page (semantics 3)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.iterators import PAGE, Iterator, new_key
from qbwc_server.simulator.company.selections import Selection
from qbwc_server.simulator.company.statuses import NO_MATCH, NOT_FOUND, TEXTS, Record

# Most IDs asked of the file in one statement.
BATCH = 500


@dataclass(frozen=True)
class Named:
    """IDs of what a query names, and what it names that nobody has."""

    ids: list[str]
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Paged:
    """One query request: what finds the records, and what shows them."""

    find: Callable[[Call], Named | Selection]
    records: Callable[[Call, list[str]], tuple[Record, ...]]

    def answer(self, call: Call) -> Reply:
        """Iterators go over what a filter finds; what is named by ID or name comes at once."""
        how = call.request.attributes.get("iterator")
        if how in ("Continue", "Stop"):
            return self._further(call)
        found = self.find(call)
        if isinstance(found, Named):
            return self._named(call, found)
        if _asks(call, "MetaDataOnly"):
            return _judged(Reply(ret_count=found.count(call.books)))
        if how == "Start":
            return self._first(call, found)
        return _judged(self._counted(call, found.ids(call.books, call.values.get(PAGE))))

    def _named(self, call: Call, found: Named) -> Reply:
        """Status 500 when something named is not there, with what is (semantics 2; rule "found_beside_missing")."""
        if _asks(call, "MetaDataOnly"):
            reply = Reply(ret_count=len(found.ids))
        else:
            withheld = found.missing and call.books.rule("found_beside_missing") == "withheld"
            reply = self._counted(call, [] if withheld else found.ids)
            if call.request.attributes.get("iterator") == "Start":
                reply = replace(reply, iterator_id=new_key(), iterator_remaining=0)
        if found.missing:
            return replace(reply, code=NOT_FOUND, message=TEXTS[NOT_FOUND].format(found.missing[0]))
        return reply

    def _first(self, call: Call, found: Selection) -> Reply:
        iterator = call.session.start(call.books, call.request.name, call.values, found)
        if not iterator.found:
            call.session.stop(call.books, iterator.key)
            return _judged(self._counted(call, []))
        reply = self._page(call, iterator)
        is_single = not iterator.remaining and call.books.rule("single_page") == "without_id"
        return replace(reply, iterator_id=None) if is_single else reply

    def _further(self, call: Call) -> Reply:
        key = call.request.attributes.get("iteratorID", "")
        iterator = call.session.running(call.books, key, call.request.name, call.values)
        if call.request.attributes["iterator"] == "Stop":
            call.session.stop(call.books, key)
            return Reply()
        return self._page(call, iterator)

    def _page(self, call: Call, iterator: Iterator) -> Reply:
        """The ID is still told with the last page, but asking on is an error then."""
        ids = iterator.page(call.books, call.values.get(PAGE))
        if not iterator.remaining:
            call.session.stop(call.books, iterator.key)
        reply = self._counted(call, self._still(call, ids))
        if reply.ret_count is not None and call.books.rule("iterator_ret_count") == "all":
            reply = replace(reply, ret_count=iterator.found)
        return replace(reply, iterator_id=iterator.key, iterator_remaining=iterator.remaining)

    def _still(self, call: Call, ids: list[str]) -> list[str]:
        """A snapshot hands out what matched at its Start (rule "iterator_rows")."""
        found = self.find(call) if call.books.rule("iterator_rows") == "live" else None
        if not isinstance(found, Selection):
            return ids
        batches = (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
        return [one for batch in batches for one in found.still(call.books, batch)]

    def _counted(self, call: Call, ids: list[str]) -> Reply:
        records = self.records(call, ids)
        return Reply(records, ret_count=len(records) if _asks(call, "MetaDataAndResponseData") else None)


def _asks(call: Call, meta_data: str) -> bool:
    return call.request.attributes.get("metaData") == meta_data


def _judged(reply: Reply) -> Reply:
    """Status 1 when a filter finds nothing (semantics 2)."""
    found = reply.ret_count if reply.ret_count is not None else len(reply.records)
    return reply if found else replace(reply, code=NO_MATCH, message=TEXTS[NO_MATCH])
