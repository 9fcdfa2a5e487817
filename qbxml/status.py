"""What QuickBooks' status codes and HRESULTs mean and what to do next.

Codes and actions come from the qbXML reference of status codes (qbXML semantics, section 2; 3391 from one real
answer to a dead iterator), the HRESULTs from the Web Connector protocol, section 4.3; the sentences are for the
person who looks at the record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from qbxml.messages import Severity

Action: TypeAlias = Literal["ok", "ignore", "retry", "reread", "rename", "person", "fix", "feature"]


@dataclass(frozen=True)
class StatusInfo:
    """One status code. Actions: ok, ignore (nothing to do), retry (later, unchanged), reread (the object, rebase, send
    again), rename (choose another name), person (must decide), fix (our request is wrong), feature
    (QuickBooks lacks it or has it switched off).
    """

    code: int
    severity: Severity
    action: Action
    sentence: str


@dataclass(frozen=True)
class HresultInfo:
    """One HRESULT of receiveResponseXML or connectionError; `transient` when the next visit may simply work."""

    code: str
    action: Action
    sentence: str
    transient: bool


_WARNINGS: Final[dict[int, tuple[Action, str]]] = {
    500: ("ignore", "Some of the asked-for objects do not exist in QuickBooks; the others were returned."),
    501: ("fix", "An object cannot be shown in this qbXML version; a newer version is needed."),
    510: ("person", "QuickBooks could not return an object."),
    530: ("fix", "This edition does not keep one of the fields; everything else was saved."),
    531: ("fix", "This edition does not know one of the listed values; everything else was saved."),
    550: ("reread", "The object was saved, but its notes were not."),
    560: ("ignore", "The request used an outdated field."),
    570: ("person", "The transaction could not be linked, because the other one is already closed."),
}

_ERRORS: Final[dict[int, tuple[Action, str]]] = {
    1000: ("retry", "QuickBooks had an internal error; it will be tried again."),
    1010: ("retry", "QuickBooks was not available; it will be tried again."),
    1030: ("feature", "This edition or country version of QuickBooks does not have this request."),
    1060: ("fix", "The request's id is invalid or longer than 50 characters."),
    3000: ("fix", "An object id in the request is malformed, or a transaction was linked in two ways."),
    3010: ("fix", "A yes/no value in the request is invalid."),
    3020: ("fix", "A date in the request is invalid."),
    3030: ("fix", "The first date of a range is after the last one."),
    3031: ("fix", "The range of names or numbers is invalid."),
    3035: ("fix", "A duration in the request is invalid."),
    3040: ("fix", "An amount is invalid; QuickBooks wants two decimals."),
    3045: ("fix", "A price is invalid."),
    3050: ("fix", "A percentage is invalid."),
    3060: ("fix", "A quantity is invalid."),
    3065: ("fix", "A GUID is invalid."),
    3070: ("fix", "A text is too long for its QuickBooks field; shorten it."),
    3080: ("fix", "A text is invalid for its QuickBooks field."),
    3085: ("fix", "A number is invalid for its QuickBooks field."),
    3090: ("rename", "A value cannot be stored, for example a name with a colon; choose another."),
    3100: ("rename", "Another customer, vendor, employee or list entry in QuickBooks already has this name."),
    3101: ("person", "The resulting amount is too large for QuickBooks."),
    3110: ("fix", "A value is not one of those that QuickBooks lists."),
    3120: (
        "reread",
        "QuickBooks no longer has an object that the request names, or the invoice is already paid.",
    ),
    3121: ("fix", "The owner of the private data does not exist in QuickBooks."),
    3130: ("person", "The parent does not exist in QuickBooks; create it first."),
    3140: ("person", "Something that the record refers to does not exist in QuickBooks; create or map it."),
    3150: ("fix", "A required field is missing."),
    3151: ("fix", "A field is not valid in this request."),
    3152: ("fix", "A field that cannot be made empty was sent empty."),
    3153: ("fix", "Two fields of the request contradict each other."),
    3160: ("person", "The object is in use and cannot be deleted; make it inactive instead."),
    3161: ("person", "The object lies before the closing date and cannot be deleted."),
    3162: ("person", "This is not possible while several users work in QuickBooks."),
    3170: ("person", "QuickBooks could not save the change."),
    3171: ("person", "The transaction lies before the closing date of the books."),
    3173: ("person", "A related transaction forbids the change."),
    3175: ("retry", "Somebody is working on this transaction in QuickBooks; it will be tried again."),
    3176: ("retry", "Somebody is working on a related object in QuickBooks; it will be tried again."),
    3177: ("fix", "The same transaction was linked twice."),
    3180: ("person", "QuickBooks could not save the record."),
    3185: ("person", "The transaction could not be voided."),
    3190: ("person", "The transaction cannot be voided."),
    3200: ("reread", "The record was changed in QuickBooks meanwhile; it is read again and compared."),
    3205: ("fix", "An address is invalid, perhaps it has too many lines."),
    3210: ("person", "A value breaks a rule of QuickBooks, such as paying more than is due."),
    3220: ("person", "QuickBooks did not authorise the request."),
    3230: ("retry", "The request was rolled back with its set."),
    3231: ("retry", "The request was not processed, because an earlier one of its set failed."),
    3240: ("reread", "The object belongs to another state of the company file; its ids must be refreshed."),
    3250: ("feature", "The feature is switched off or not part of this QuickBooks edition."),
    3260: ("person", "The QuickBooks user of this application may not do this."),
    3261: ("person", "The application has no permission to see sensitive data."),
    3262: ("person", "The application has no permission for payroll data."),
    3263: ("person", "The application has no permission for personal data."),
    3270: ("person", "The posting account is missing."),
    3280: ("fix", "The kind of item does not fit here."),
    3290: ("reread", "The lines were not in the order of the document in QuickBooks."),
    3300: ("person", "QuickBooks did not find the object."),
    3310: ("person", "QuickBooks did not find the object."),
    3320: ("person", "QuickBooks did not find the object."),
    3330: ("person", "QuickBooks did not find the object."),
    3391: ("reread", "The query's place in its pages is lost; it starts again from the first page."),
}

STATUS: Final[dict[int, StatusInfo]] = {
    0: StatusInfo(0, "Info", "ok", "Done."),
    1: StatusInfo(1, "Info", "ignore", "Nothing in QuickBooks matches the query."),
    **{code: StatusInfo(code, "Warn", action, text) for code, (action, text) in _WARNINGS.items()},
    **{code: StatusInfo(code, "Error", action, text) for code, (action, text) in _ERRORS.items()},
}

# messageSetStatusCode of an answer to a recovery request (qbXML semantics, section 1)
MESSAGE_SET_STATUS: Final[dict[int, StatusInfo]] = {
    0: StatusInfo(0, "Info", "ok", "QuickBooks kept the answer of this set; it follows."),
    600: StatusInfo(
        600,
        "Warn",
        "reread",
        "QuickBooks keeps nothing under this id: not executed, cleared, or another file.",
    ),
    9001: StatusInfo(
        9001, "Error", "reread", "Another content was sent under the same id; look what exists first."
    ),
    9002: StatusInfo(
        9002, "Error", "reread", "QuickBooks kept no whole answer; whether it was executed is unknown."
    ),
    9004: StatusInfo(9004, "Error", "fix", "The id of the set is longer than QuickBooks allows."),
    9005: StatusInfo(
        9005, "Error", "reread", "The answer could not be kept; whether it was executed is unknown."
    ),
}

_BY_RANGE: Final[tuple[tuple[range, Severity, Action, str], ...]] = (
    (range(0, 500), "Info", "ignore", "QuickBooks gives an information that this program does not know."),
    (range(500, 1000), "Warn", "person", "QuickBooks did it with a warning that this program does not know."),
    (range(9100, 9200), "Error", "fix", "A macro in the request is wrong."),
)


def status(code: int) -> StatusInfo:
    """What a statusCode means; an unknown one is judged by its range, errors then need a person."""
    known = STATUS.get(code)
    if known is not None:
        return known
    for span, severity, action, sentence in _BY_RANGE:
        if code in span:
            return StatusInfo(code, severity, action, sentence)
    return StatusInfo(
        code, "Error", "person", "QuickBooks refused it for a reason that this program does not know."
    )


_LOCKED = re.compile(r"\block|(?<!already )\bin use\b|modified by another user", re.IGNORECASE)
_TAKEN = re.compile(r"merge list elements|already in use", re.IGNORECASE)
_READ_THE_TEXT: Final = (3170, 3180)  # one code for locks, taken names and everything else


def next_step(code: int, message: str) -> Action:
    """The action for one answer. 3170, 3180 and unknown errors are told apart by QuickBooks' text.

    A text about a lock or another user means retry, one about a merge or a value already in use means
    rename. QuickBooks may speak another language; then a person decides.
    """
    if code in STATUS and code not in _READ_THE_TEXT:
        return STATUS[code].action
    if code >= 1000 and _LOCKED.search(message):
        return "retry"
    if code in _READ_THE_TEXT and _TAKEN.search(message):
        return "rename"
    return status(code).action


# code -> (action, transient, sentence)
_HRESULTS: Final[dict[str, tuple[Action, bool, str]]] = {
    "0x80040400": (
        "fix",
        False,
        "QuickBooks could not read the request; it will not be sent again unchanged.",
    ),
    "0x80040401": ("person", False, "The Web Connector could not reach QuickBooks."),
    "0x80040402": ("retry", True, "QuickBooks had an unexpected error; its log qbsdklog.txt tells more."),
    "0x80040403": ("person", False, "The company file could not be opened."),
    "0x80040406": ("person", False, "The company file does not exist at this path or is not valid."),
    "0x80040408": (
        "person",
        False,
        "QuickBooks could not be started; open it, or allow access while it is closed.",
    ),
    "0x80040409": ("person", False, "This QuickBooks version cannot work with the company file."),
    "0x8004040A": ("person", False, "Another company file is open in QuickBooks."),
    "0x8004040C": ("retry", True, "The session with QuickBooks did not begin."),
    "0x8004040D": ("retry", True, "The session with QuickBooks was lost; what it did last is unknown."),
    "0x80040410": (
        "person",
        False,
        "The company file is open in another mode; switch single-user or multi-user mode.",
    ),
    "0x80040414": ("retry", True, "A dialog is open in QuickBooks; close it."),
    "0x80040416": (
        "person",
        False,
        "QuickBooks is not running and no company file was named; open the company file.",
    ),
    "0x80040417": ("person", False, "No company file is open in QuickBooks and none was named."),
    "0x80040418": (
        "person",
        False,
        "The QuickBooks Admin must allow this application once, with the file open.",
    ),
    "0x8004041A": (
        "person",
        False,
        "The application is not allowed in this file; see Integrated Applications.",
    ),
    "0x8004041B": ("retry", True, "QuickBooks could not lock what it needs to give access."),
    "0x8004041C": (
        "retry",
        True,
        "QuickBooks had an internal error with the file; what it did last is unknown.",
    ),
    "0x8004041D": ("person", False, "Automatic login is not allowed; grant it, or keep QuickBooks open."),
    "0x8004041E": ("person", False, "The certificate of the application has expired."),
    "0x8004041F": ("feature", False, "QuickBooks Basic does not take requests."),
    "0x80040420": ("person", False, "The QuickBooks user denied access."),
    "0x80040421": ("person", False, "QuickBooks gives a message of its own; read its text."),
    "0x80040422": ("retry", True, "Another application uses the file while single-user mode is needed."),
    "0x80040423": ("fix", False, "QuickBooks does not know this qbXML version; a lower one is needed."),
    "0x80040424": ("retry", True, "QuickBooks has not finished starting."),
    "0x80040427": ("person", False, "QuickBooks is not registered."),
    "0x8004042A": ("person", False, "Remote access is not allowed."),
    "0x8004042C": ("person", False, "The certificate of the application was revoked."),
    "0x80040154": ("person", False, "The request processor of QuickBooks is not installed on this PC."),
    "0x80010105": ("retry", True, "QuickBooks hangs or its server failed."),
}

HRESULT: Final[dict[str, HresultInfo]] = {
    code: HresultInfo(code, action, sentence, transient)
    for code, (action, transient, sentence) in _HRESULTS.items()
}


def hresult(text: str) -> HresultInfo:
    """What an HRESULT means, however its letters and blanks are written; an unknown one needs a person."""
    code = f"0x{text.strip().lower().removeprefix('0x').upper()}"
    unknown = HresultInfo(
        code, "person", "QuickBooks or the Web Connector failed in a way this program does not know.", False
    )
    return HRESULT.get(code, unknown)
