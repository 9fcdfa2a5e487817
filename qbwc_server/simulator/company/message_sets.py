"""Error recovery: the answer of a set is stored under its newMessageSetID in the company file (semantics 1)."""

import hashlib
import re
from dataclasses import dataclass, field

from qbwc_server.simulator.company.books import Books
from qbxml import RequestSet, SetStatus, build_answer

CLEAR_ALL = "ClearAllMessageSets"
STORED, NOT_STORED, OTHER_CONTENT, NO_ANSWER, TOO_LONG, UNSTORABLE = 0, 600, 9001, 9002, 9004, 9005
_START_TAG = re.compile(r"<QBXMLMsgsRq\b[^>]*>")


@dataclass(frozen=True)
class Opening:
    """What the recovery attributes of a set lead to."""

    # The whole answer; nothing is executed then.
    answer: str | None = None
    # The ID to store the answer under, once there is one.
    keep_as: str | None = None
    status: SetStatus = field(default_factory=SetStatus)


def begin(
    books: Books, application: str, given: RequestSet, document: str, *, unknown: int = NO_ANSWER
) -> Opening:
    """Clears what oldMessageSetID names, answers from the store, or opens a place for the new answer.

    unknown: the status of a question after a set that is not stored.
    """
    old, new = given.old_message_set_id, given.new_message_set_id
    if old is None and new is None:
        return Opening()
    if max(len(old or ""), len(new or "")) > int(books.rule("set_id_length")):
        return _bare(TOO_LONG, new)
    with books.transaction():
        cleared = _clear(books, application, old) if old and old != new else True
        if new is None:
            return Opening(status=SetStatus(STORED)) if cleared else _bare(NOT_STORED, None)
        return _begin_new(books, application, given, checksum(document), unknown)


def finish(books: Books, application: str, set_id: str, answer: str) -> None:
    books.db.execute(
        "UPDATE message_set SET answer = ? WHERE application = ? AND id = ?", (answer, application, set_id)
    )


def forget(books: Books, application: str, set_id: str) -> None:
    books.db.execute("DELETE FROM message_set WHERE application = ? AND id = ?", (application, set_id))


def checksum(document: str) -> str:
    """Of the requests alone: the same set may come again with another oldMessageSetID."""
    found = _START_TAG.search(document)
    return hashlib.sha256(document[found.end() if found else 0 :].encode("utf-8")).hexdigest()


def _clear(books: Books, application: str, old: str) -> bool:
    """Whether there was anything to clear."""
    if old == CLEAR_ALL:
        books.db.execute("DELETE FROM message_set WHERE application = ?", (application,))
        return True
    known = _stored(books, application, old) is not None
    forget(books, application, old)
    return known


def _begin_new(books: Books, application: str, given: RequestSet, digest: str, unknown: int) -> Opening:
    new = given.new_message_set_id or ""
    row = _stored(books, application, new)
    if row is None and given.old_message_set_id == new and not given.requests:
        return _bare(unknown, new)
    if row is None:
        if books.rule("stored_sets") == "last":
            _clear(books, application, CLEAR_ALL)
        books.db.execute("INSERT INTO message_set VALUES (?, ?, ?, NULL)", (application, new, digest))
        return Opening(keep_as=new, status=SetStatus(STORED, new))
    if row[1] is None and books.rule("broken_set") == "forgotten":
        return _as_never_sent(given, new, unknown)
    if given.requests and row[0] != digest:
        return _bare(OTHER_CONTENT, new)
    return Opening(answer=row[1]) if row[1] is not None else _bare(NO_ANSWER, new)


def _as_never_sent(given: RequestSet, new: str, unknown: int) -> Opening:
    """A set that broke off is executed again (rule "broken_set")."""
    return Opening(keep_as=new, status=SetStatus(STORED, new)) if given.requests else _bare(unknown, new)


def _stored(books: Books, application: str, set_id: str) -> tuple[str, str | None] | None:
    row: tuple[str, str | None] | None = books.db.execute(
        "SELECT checksum, answer FROM message_set WHERE application = ? AND id = ?", (application, set_id)
    ).fetchone()
    return row


def _bare(code: int, set_id: str | None) -> Opening:
    return Opening(answer=build_answer([], set_status=SetStatus(code, set_id)))
