"""HRESULTs that QuickBooks answers with instead of qbXML: their texts, and where they can come out (protocol 4.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# BeginSession fails: connectionError is called. ProcessRequest fails: receiveResponseXML carries it.
Place = Literal["session", "set"]
SESSION: tuple[Place, ...] = ("session",)
SET: tuple[Place, ...] = ("set",)
BOTH: tuple[Place, ...] = ("session", "set")


@dataclass(frozen=True)
class Hresult:
    """The text that comes with it, and the places where the reference has seen it."""

    message: str
    places: tuple[Place, ...] = SESSION


HRESULTS: Mapping[str, Hresult] = {
    "0x80040400": Hresult(
        "QuickBooks found an error when parsing the provided XML text stream.",
        SET,
    ),
    "0x80040401": Hresult("Could not access QuickBooks."),
    "0x80040402": Hresult("Unexpected error.  Look in the qbsdklog.txt file for details.", BOTH),
    "0x80040403": Hresult("Could not open the specified QuickBooks company data file."),
    "0x80040406": Hresult("The specified QuickBooks company data file was not found or is not valid."),
    "0x80040408": Hresult("Could not start QuickBooks."),
    "0x80040409": Hresult("This version of QuickBooks cannot work with the specified company data file."),
    "0x8004040A": Hresult(
        "A QuickBooks company data file is already open and it is different from the one requested."
    ),
    "0x8004040C": Hresult("BeginSession was not called, or it failed.", SET),
    "0x8004040D": Hresult("The ticket parameter is invalid.", SET),
    "0x80040410": Hresult(
        "The QuickBooks company data file is currently open in a mode other than the one specified."
    ),
    "0x80040414": Hresult("A modal dialog box is showing in the QuickBooks user interface."),
    "0x80040416": Hresult("QuickBooks is not running and no company data file was given."),
    "0x80040417": Hresult("No company data file is open in QuickBooks and none was given."),
    "0x80040418": Hresult(
        "This application has not accessed this company data file before. "
        "The QuickBooks administrator must grant it access."
    ),
    "0x80040419": Hresult("This application could not be authorised."),
    "0x8004041A": Hresult("This application does not have permission to access this company data file."),
    "0x8004041B": Hresult("Unable to lock the necessary information to give access. Try again later."),
    "0x8004041C": Hresult(
        "An internal QuickBooks error occurred while accessing the company data file.", BOTH
    ),
    "0x8004041D": Hresult(
        "This application is not allowed to log in to this company data file automatically."
    ),
    "0x8004041E": Hresult("The certificate of this application has expired."),
    "0x8004041F": Hresult("QuickBooks Basic does not accept XML requests."),
    "0x80040420": Hresult("The QuickBooks user has denied access."),
    "0x80040421": Hresult("A message was passed on from QuickBooks.", BOTH),
    "0x80040422": Hresult(
        "This application requires Single User file access mode and another application is using the file."
    ),
    "0x80040423": Hresult("The version of qbXML that was requested is not supported or is unknown.", SET),
    "0x80040424": Hresult("QuickBooks did not finish its initialization. Please try again later."),
    "0x80040427": Hresult("QuickBooks is not registered."),
    "0x8004042A": Hresult("Remote access is not allowed."),
    "0x8004042C": Hresult("The certificate of this application was revoked."),
    "0x80040154": Hresult("Class not registered."),
    "0x80010105": Hresult("The server threw an exception.", BOTH),
}


def message_of(hresult: str) -> str:
    """The usual text of an hresult, "" for one that is not known."""
    known = HRESULTS.get(hresult)
    return known.message if known else ""
