"""Everything that can be made to go wrong, as data: names, sentences, arguments, and what each one is counted by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# What a fault waits for: one of these is one occasion, and nth counts occasions.
Occasion = Literal["call", "session", "set", "request"]

OCCASIONS: Mapping[Occasion, str] = {
    "call": "a SOAP call of the Web Connector; `method` names the kind, `holding` a request of its set",
    "session": "a connection of the Web Connector to QuickBooks (BeginSession), also after a retry",
    "set": "a message set handed to QuickBooks; `holding` is a text in it, as CustomerAddRq",
    "request": "one request of a set; `request` names the kind, as CustomerAddRq",
}
LOCK_CODES = (3170, 3175, 3176, 3180)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and the arguments with their defaults ("" agrees with everything, or takes the usual text)."""

    sentence: str
    occasion: Occasion
    # Section of the protocol reference (P) or of the qbXML semantics (S).
    source: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    # Faults that act alike share an effect; "" = the fault's own name.
    effect: str = ""


def _refused(sentence: str, hresult: str, source: str = "P4.3") -> Fault:
    return Fault(sentence, "session", source, {"hresult": hresult, "message": ""}, "refuse_session")


_ANY_CALL = {"method": "", "holding": ""}
_POSTED = {"method": "receiveResponseXML", "holding": ""}

ON_THE_LINE: Mapping[str, Fault] = {
    "drop_before": Fault(
        "the connection breaks before the call reaches the server", "call", "P1.4", _ANY_CALL
    ),
    "drop_after": Fault("the server has the call; its reply gets lost", "call", "P1.4", _ANY_CALL),
    "cut_call": Fault(
        "the connection breaks when half of the call's bytes have gone out", "call", "P1.4", _ANY_CALL
    ),
    "duplicate_call": Fault(
        "the same bytes are posted twice, as a proxy does; the Web Connector sees the second reply",
        "call",
        "P3.4",
        _POSTED,
    ),
    "delay_call": Fault(
        "so many seconds pass before the call goes out", "call", "P2.6", {**_POSTED, "seconds": 600}
    ),
    "truncate_answer": Fault(
        "the answer of QuickBooks is posted without its second half", "call", "P2.7", _POSTED
    ),
    "kill_connector_before": Fault(
        "the Web Connector is killed before this call", "call", "P3.2 #12", _POSTED
    ),
    "kill_connector_after": Fault(
        "the Web Connector is killed when the call was answered, before it uses the answer",
        "call",
        "P3.2 #12",
        {**_ANY_CALL, "method": "sendRequestXML"},
    ),
    "second_connector": Fault(
        "before this call a second Web Connector with the same password begins a run of its own: on another PC, or "
        "on this one when computer is SAME",
        "call",
        "P3.3, P3.4",
        {**_ANY_CALL, "method": "sendRequestXML", "computer": "OTHER-PC"},
    ),
}

AT_THE_DOOR: Mapping[str, Fault] = {
    "refuse_session": _refused("BeginSession fails with this hresult", "0x80040408"),
    "quickbooks_closed": _refused("QuickBooks is closed and cannot be started", "0x80040408"),
    "modal_dialog": _refused("a dialog box is open in QuickBooks", "0x80040414"),
    "single_user_mode": _refused("the file is open in another mode than asked for", "0x80040410"),
    "file_in_use": _refused("single-user access is needed and somebody else uses the file", "0x80040422"),
    "access_revoked": _refused("the administrator took the application's permission away", "0x8004041A"),
    "wrong_company": Fault(
        "another company file is open, without the stamp of the application; path makes or opens a certain one",
        "session",
        "P4.1, P4.3",
        {"path": ""},
    ),
    "copied_file": Fault(
        "a copy of the company file is open: the same FileID and records, another path",
        "session",
        "P4.1",
        {"path": ""},
    ),
    "restored_backup": Fault(
        "a backup was restored: the file is as it was so many writing sets ago (counted from when this was armed), "
        "with its numbers and its stored message sets",
        "session",
        "S4, S10.8",
        {"sets": 1},
    ),
}

IN_QUICKBOOKS: Mapping[str, Fault] = {
    "refuse_set": Fault(
        "the set is not executed and answered with this hresult only",
        "set",
        "P4.3",
        {"hresult": "0x80040402", "message": "", "holding": ""},
    ),
    "lose_answer": Fault(
        "the set is executed and committed, its answer is stored for recovery, and only this hresult comes out",
        "set",
        "S1, S10.10",
        {"hresult": "0x80010105", "message": "", "holding": ""},
    ),
    "break_after": Fault(
        "QuickBooks dies after so many requests of the set: they stay committed, no answer is stored",
        "set",
        "S1",
        {"requests": 1, "hresult": "0x80010105", "message": "", "holding": ""},
    ),
    "session_lost": Fault(
        "QuickBooks was restarted before the set: nothing is executed, the session is gone",
        "set",
        "P4.3",
        {"holding": ""},
    ),
    "answer_status": Fault(
        "the request is refused with this status code",
        "request",
        "S2",
        {"request": "", "code": 3180, "message": ""},
    ),
    "locked_element": Fault(
        "another user holds the record or one that belongs to it: code 3175, 3176, or the lock texts of 3170 and 3180",
        "request",
        "S2",
        {"request": "", "code": 3175, "message": ""},
        "answer_status",
    ),
    "unstorable_answer": Fault(
        "the answer of a recoverable set cannot be stored: message set status 9005", "set", "S1"
    ),
    "unknown_set": Fault(
        "asking for an unknown message set is answered with this message set status instead of 9002",
        "set",
        "S1",
        {"code": 600},
    ),
    "dead_iterator": Fault(
        "a dead iteratorID fails with this status code instead of 3391, or with an hresult when one is given",
        "request",
        "S3",
        {"code": 1000, "hresult": "", "message": ""},
    ),
    "clock_jump": Fault(
        "the clock of the PC goes wrong by so many seconds (negative: back) and stays so",
        "set",
        "S4",
        {"seconds": -3600, "holding": ""},
    ),
    "clock_change_night": Fault(
        "the clock of the PC goes to so many minutes before the next change of the zone's clocks, autumn or spring",
        "set",
        "S4",
        {"season": "autumn", "minutes": 30, "holding": ""},
    ),
}

FAULTS: Mapping[str, Fault] = {**ON_THE_LINE, **AT_THE_DOOR, **IN_QUICKBOOKS}

# An hresult is written as one; a number is a number; the rest of the arguments are texts.
CHOICES: Mapping[tuple[str, str], tuple[Any, ...]] = {
    ("clock_change_night", "season"): ("autumn", "spring"),
    ("locked_element", "code"): LOCK_CODES,
}


def effect_of(name: str) -> str:
    return FAULTS[name].effect or name


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """(name, what happens, arguments with their defaults, occasion, source) of every fault, in order."""
    for name, fault in FAULTS.items():
        given = ", ".join(f"{key}={value}" for key, value in fault.arguments.items())
        yield name, fault.sentence, given, fault.occasion, fault.source


def as_markdown() -> str:
    """The table of the README."""
    head = "| fault | what happens | arguments and defaults | counted by | source |\n| --- | --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{name}` | {sentence} | {f'`{given}`' if given else ''} | {occasion} | {source} |\n"
        for name, sentence, given, occasion, source in rows()
    )
