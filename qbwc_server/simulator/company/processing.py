"""A whole message set: parse, recover, execute request by request, answer (semantics 1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import qbxml
from qbwc_server.simulator.company import (
    all_transactions,
    checks,
    data_ext,
    deletions,
    features,
    host,
    merging,
    message_sets,
    payments,
    sales_ret,
    texts,
    txn_deletions,
)
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Handler, Reply
from qbwc_server.simulator.company.iterators import Session
from qbwc_server.simulator.company.list_kinds import KINDS, TOGETHER
from qbwc_server.simulator.company.macros import Macros
from qbwc_server.simulator.company.queries import ListQuery
from qbwc_server.simulator.company.sales import SALES_FORMS
from qbwc_server.simulator.company.sales_kinds import PAYMENT
from qbwc_server.simulator.company.statuses import (
    DEAD_ITERATOR,
    FIELD_UNSUPPORTED,
    LOCK_TEXTS,
    NOT_PROCESSED,
    NOT_SUPPORTED,
    OK,
    TEXTS,
    Refusal,
    severity,
)
from qbwc_server.simulator.company.txn_queries import TxnQuery
from qbwc_server.simulator.errors import ProcessError
from qbwc_server.simulator.faults import Faults
from qbxml import RefusedByParser, Request, RequestSet, Ret, SetStatus, Status

# What ErrorRecovery tells, and the first version that has it (semantics 1).
IDENTITY = ("ListID", "TxnID", "TxnNumber", "EditSequence", "ExternalGUID")
RECOVERABLE_SINCE = (11, 0)
PARSE_HRESULT = "0x80040400"
PARSE_FAILURE = "QuickBooks found an error when parsing the provided XML text stream."
VERSION_REFUSED = ("0x80040423", "The version of qbXML that was requested is not supported or is unknown.")


@dataclass(frozen=True)
class Handling:
    """How one request is carried out; writes tells counters and permission."""

    handler: Handler
    writes: bool = False


def _list_requests() -> Iterator[tuple[str, Handling]]:
    for name, kind in KINDS.items():
        if kind.has_add:
            yield f"{name}AddRq", Handling(kind.add, writes=True)
        yield f"{name}QueryRq", Handling(ListQuery((kind,)).answer)
        if kind.has_mod:
            yield f"{name}ModRq", Handling(kind.mod, writes=True)
    for name, kinds in TOGETHER.items():
        yield f"{name}QueryRq", Handling(ListQuery(tuple(KINDS[one] for one in kinds)).answer)


def _txn_requests() -> Iterator[tuple[str, Handling]]:
    for name, form in SALES_FORMS.items():
        yield f"{name}AddRq", Handling(form.add, writes=True)
        yield f"{name}ModRq", Handling(form.mod, writes=True)
        yield f"{name}QueryRq", Handling(TxnQuery(name, sales_ret.ret).answer)
    yield f"{PAYMENT}AddRq", Handling(payments.add, writes=True)
    yield f"{PAYMENT}ModRq", Handling(payments.mod, writes=True)
    yield f"{PAYMENT}QueryRq", Handling(TxnQuery(PAYMENT, payments.ret).answer)


REQUESTS: Mapping[str, Handling] = {
    "HostQueryRq": Handling(host.host_query),
    "CompanyQueryRq": Handling(host.company_query),
    "PreferencesQueryRq": Handling(host.preferences_query),
    **dict(_list_requests()),
    **dict(_txn_requests()),
    "TransactionQueryRq": Handling(all_transactions.answer),
    "TxnDelRq": Handling(txn_deletions.txn_del, writes=True),
    "TxnVoidRq": Handling(txn_deletions.txn_void, writes=True),
    "TxnDeletedQueryRq": Handling(txn_deletions.txn_deleted_query),
    "DataExtDefAddRq": Handling(data_ext.define, writes=True),
    "DataExtDefModRq": Handling(data_ext.redefine, writes=True),
    "DataExtDefDelRq": Handling(data_ext.undefine, writes=True),
    "DataExtDefQueryRq": Handling(data_ext.definitions),
    "DataExtAddRq": Handling(data_ext.put, writes=True),
    "DataExtModRq": Handling(data_ext.put, writes=True),
    "DataExtDelRq": Handling(data_ext.remove, writes=True),
    "ListMergeRq": Handling(merging.list_merge, writes=True),
    "ListDelRq": Handling(deletions.list_del, writes=True),
    "ListDeletedQueryRq": Handling(deletions.list_deleted_query),
}
Answered = tuple[Status, list[Ret]]
Armed = dict[str, Any] | None


class Processor:
    """Executes sets for one session."""

    def __init__(self, books: Books, faults: Faults, session: Session) -> None:
        self._books = books
        self._faults = faults
        self._session = session

    def process(self, document: str) -> str:
        """The answer document. Raises ProcessError where QuickBooks gives an HRESULT only."""
        self._books.refresh()
        self._fail_if("refuse_set", document)
        given = self._parsed(document)
        unknown = self._faults.take("unknown_set") if _asks_for_stored(given) else None
        opening = message_sets.begin(
            self._books,
            self._session.application,
            given,
            document,
            unknown=unknown["code"] if unknown else int(self._books.rule("unknown_set")),
        )
        if opening.answer is not None:
            return opening.answer
        breaking = self._faults.take("break_after", document)
        answer = self._answered(given, opening, breaking)
        self._fail_if("lose_answer", document)
        return answer

    def _parsed(self, document: str) -> RequestSet:
        if self._books.rule("blank_before_declaration") == "accepted":
            document = document.lstrip()
        try:
            given = qbxml.read_request(self._books.clock.read_offsets(document))
        except RefusedByParser as refused:
            raise self._unread(refused.hresult) from refused
        if given.version not in host.supported_versions(self._books):
            raise self._unread(VERSION_REFUSED[0])
        return given

    def _unread(self, hresult: str) -> ProcessError:
        """Whether an unknown version is told apart from other parse failures is a rule (semantics 7)."""
        if hresult == VERSION_REFUSED[0] and self._books.rule("unknown_version") == hresult:
            return ProcessError(*VERSION_REFUSED)
        return ProcessError(PARSE_HRESULT, PARSE_FAILURE)

    def _answered(self, given: RequestSet, opening: message_sets.Opening, breaking: Armed) -> str:
        if self._books.rule("macro_scope") == "set":
            self._session.macros = Macros()
        responses = list(self._responses(given, breaking))
        status, application = opening.status, self._session.application
        if opening.keep_as is None:
            return _document(responses, status)
        if self._faults.take("unstorable_answer"):
            message_sets.forget(self._books, application, opening.keep_as)
            return _document(responses, SetStatus(message_sets.UNSTORABLE, opening.keep_as))
        answer = _document(responses, status)
        message_sets.finish(self._books, application, opening.keep_as, answer)
        return answer

    def _responses(self, given: RequestSet, breaking: Armed) -> Iterator[Answered]:
        """Every request is its own transaction; stopOnError answers what follows an error with 3231."""
        stopped = False
        for number, request in enumerate(given.requests):
            if breaking and number == breaking["requests"]:
                break
            reply = self._refused(Refusal(NOT_PROCESSED)) if stopped else self._one(request, given.version)
            stopped = stopped or (given.on_error == "stopOnError" and severity(reply.code) == "Error")
            status, rets = _answer(request, reply, given)
            yield status, [*rets, *self._identity(request, reply, given, status)]
        if breaking:
            raise ProcessError(breaking["hresult"], breaking["message"])

    def _identity(self, request: Request, reply: Reply, given: RequestSet, status: Status) -> Iterator[Ret]:
        """ErrorRecovery: what was stored, even where its Ret is not told (semantics 1; rule "error_recovery")."""
        if self._books.rule("error_recovery") == "never" or not given.new_message_set_id:
            return
        is_stored = request.name.endswith(("AddRq", "ModRq")) and severity(reply.code) != "Error"
        if is_stored and reply.records and _number(given.version) >= RECOVERABLE_SINCE:
            values = reply.records[0][1]
            known = {name: values[name] for name in IDENTITY if name in values}
            yield Ret("ErrorRecovery", known, status)

    def _one(self, request: Request, version: str) -> Reply:
        """Switches are used up before the transaction: a refusal undoes everything inside it."""
        try:
            self._refuse_as_armed(request)
            with self._books.transaction():
                return self._carried_out(request, version)
        except Refusal as refusal:
            return self._refused(refusal)

    def _carried_out(self, request: Request, version: str) -> Reply:
        handling = self._handling(request)
        taken = texts.taken_in(self._books, self._session.macros.used(request))
        checked, unsupported = checks.checked(taken, version)
        checked, left_out = features.without_what_is_off(self._books, checked)
        unsupported = (*unsupported, *left_out)
        reply = handling.handler(Call(self._books, self._session, checked, version))
        self._session.macros.define(request, reply)
        self._books.count(request.name.removesuffix("Rq"))
        if unsupported and reply.code == OK:
            return replace(
                reply, code=FIELD_UNSUPPORTED, message=TEXTS[FIELD_UNSUPPORTED].format(unsupported[0])
            )
        return reply

    def _handling(self, request: Request) -> Handling:
        """Refusal 3250 for what is off or lacking, 1030 for what is not simulated, 3260 for a reader that writes."""
        features.check(self._books, request)
        handling = REQUESTS.get(request.name)
        if handling is None:
            raise Refusal(NOT_SUPPORTED)
        if handling.writes:
            features.check_writer(self._books)
        return handling

    # -- switches --------------------------------------------------------------------------------------------

    def _fail_if(self, switch: str, document: str) -> None:
        armed = self._faults.take(switch, document)
        if armed:
            raise ProcessError(armed["hresult"], armed["message"])

    def _refuse_as_armed(self, request: Request) -> None:
        armed = self._faults.take("answer_status", request=request.name)
        if armed:
            code, message = armed["code"], armed["message"]
            # A usual text names up to three things; here it can only name the request.
            raise Refusal(code, *[request.name] * 3, message=message or LOCK_TEXTS.get(code))

    def _refused(self, refusal: Refusal) -> Reply:
        armed = self._faults.take("dead_iterator") if refusal.code == DEAD_ITERATOR else None
        if armed and armed["hresult"]:
            raise ProcessError(armed["hresult"], armed["message"])
        if armed:
            refusal = Refusal(armed["code"], message=armed["message"] or None)
        elif refusal.code == DEAD_ITERATOR:
            code = int(self._books.rule("dead_iterator"))
            refusal = refusal if code == DEAD_ITERATOR else Refusal(code)
        return Reply(refusal.records, refusal.code, refusal.message)


def _asks_for_stored(given: RequestSet) -> bool:
    return not given.requests and given.old_message_set_id == given.new_message_set_id is not None


# -- answers ---------------------------------------------------------------------------------------------------


def _document(responses: list[Answered], status: SetStatus) -> str:
    """One element on a line, as in real answers; the codec escapes every > that is text."""
    return qbxml.build_answer(responses, set_status=status).replace("><", ">\n<")


def _answer(request: Request, reply: Reply, given: RequestSet) -> Answered:
    status = Status(
        name=f"{request.name.removesuffix('Rq')}Rs",
        request_id=request.request_id,
        code=reply.code,
        severity=severity(reply.code),
        message=reply.message,
        ret_count=reply.ret_count,
        iterator_id=reply.iterator_id,
        iterator_remaining=reply.iterator_remaining,
    )
    records = reply.records if given.response_data == "includeAll" else ()
    include = frozenset(request.values.get("IncludeRetElement", ()))
    return status, [
        Ret(name, _shown(name, values, include, given.version), status) for name, values in records
    ]


def _shown(name: str, values: Mapping[str, Any], include: frozenset[str], version: str) -> dict[str, Any]:
    """Only what was asked for (top-level names, case-exact, wrong ones ignored), in the version of the request."""
    wanted = {key: value for key, value in values.items() if not include or key in include}
    known = _without_newer(wanted, "", _newer_paths(name, version))
    return {key: value for key, value in known.items() if value not in ([], {})}


def _without_newer(values: Mapping[str, Any], path: str, newer: frozenset[str]) -> dict[str, Any]:
    if not newer:
        return dict(values)
    return {
        key: _older(value, f"{path}{key}", newer)
        for key, value in values.items()
        if f"{path}{key}" not in newer
    }


def _older(value: Any, path: str, newer: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return _without_newer(value, f"{path}/", newer)
    return [_older(item, path, newer) for item in value] if isinstance(value, list) else value


@cache
def _newer_paths(name: str, version: str) -> frozenset[str]:
    """Fields of a record that came after a version, and the aggregates that hold nothing else."""
    if name.endswith("Rs"):
        return frozenset()
    leaves = {field.path: _number(field.since) > _number(version) for field in qbxml.fields(name)}
    aggregates: dict[str, bool] = {}
    for path, newer in leaves.items():
        above = path
        while "/" in above:
            above = above.rpartition("/")[0]
            aggregates[above] = aggregates.get(above, True) and newer
    return frozenset(path for path, newer in {**leaves, **aggregates}.items() if newer)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in (version or "1.0").split("."))
