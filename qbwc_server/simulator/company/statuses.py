"""Status codes of single requests, their severities and QuickBooks' own texts (semantics 2)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Severity = Literal["Info", "Warn", "Error"]
Record = tuple[str, Mapping[str, Any]]

OK, NO_MATCH = 0, 1
NOT_FOUND, FIELD_UNSUPPORTED, ORDER_CLOSED = 500, 530, 570
NOT_SUPPORTED, BAD_REQUEST_ID = 1030, 1060
BAD_ID, BAD_DATE_RANGE, BAD_STRING_RANGE = 3000, 3030, 3031
TOO_LONG, CANNOT_STORE = 3070, 3090
NAME_IN_USE, UNKNOWN_ID, BAD_PARENT, BAD_REFERENCE, MISSING = 3100, 3120, 3130, 3140, 3150
NOT_EMPTY, CONTRADICTION = 3152, 3153
IN_USE, DELETED_CLOSED, NOT_MODIFIED, BOOKS_CLOSED, LINKED_TWICE, NOT_SAVED = (
    3160,
    3161,
    3170,
    3171,
    3177,
    3180,
)
STALE, BAD_VALUE, NOT_PROCESSED, FEATURE_OFF, NO_PERMISSION = 3200, 3210, 3231, 3250, 3260
NO_SENSITIVE_DATA = 3261
LONG_ADDRESS = 3205
UNKNOWN_OWNER, MULTI_USER = 3121, 3162
NO_ACCOUNT, WRONG_ITEM, WRONG_ORDER = 3270, 3280, 3290
DEAD_ITERATOR = 3391
MACRO = 9100

NO_RECORD = "QuickBooks error message: Invalid argument.  The specified record does not exist in the list."

# Texts as they stand in real answers, or in Intuit's table of codes; {} takes what the request named.
TEXTS: Mapping[int, str] = {
    0: "Status OK",
    1: "A query request did not find a matching object in QuickBooks",
    500: 'The query request has not been fully completed. There was a required element ("{}") that could not be '
    "found in QuickBooks.",
    530: 'The field "{}" is not supported by this implementation.',
    570: 'Could not link: transaction "{}" is closed already.',
    1000: "There has been an internal error when processing the request.",
    1010: "System not available",
    1030: "This request is not supported by this implementation.",
    1060: 'The request ID "{}" is invalid, possibly too long, max 50 chars.',
    3000: 'The given object ID "{}" in the field "{}" is invalid.',
    3010: 'There was an error when converting the boolean value "{}" in the field "{}"',
    3020: 'There was an error when converting the date value "{}" in the field "{}"',
    3030: "Invalid date range: From date is greater than To date.",
    3031: 'The "From" or "To" values in the provided {} are invalid.',
    3035: 'There was an error when converting the time interval "{}" in the field "{}"',
    3040: 'There was an error when converting the amount "{}" in the field "{}"',
    3045: 'There was an error when converting the price "{}" in the field "{}"',
    3050: 'There was an error when converting the percent "{}" in the field "{}"',
    3060: 'There was an error when converting the quantity "{}" in the field "{}"',
    3065: 'There was an error when converting the GUID value "{}" in the field "{}"',
    3070: 'The string "{}" in the field "{}" is too long.',
    3085: 'There was an error when converting the number "{}" in the field "{}"',
    3090: 'There was an error when storing "{}" in the "{}" field.',
    3100: 'The name "{}" of the list element is already in use.',
    3110: 'The enumerated value "{}" in the field "{}" is unknown.',
    3120: 'Object "{}" specified in the request cannot be found.  ' + NO_RECORD,
    3121: 'The owner ID "{}" cannot be found.',
    3130: 'There is an invalid reference to a parent "{}" in the {} list.  ' + NO_RECORD,
    3140: 'There is an invalid reference to QuickBooks {} "{}" in the {}.  ' + NO_RECORD,
    3150: 'There is a missing element: "{}"',
    3152: 'The element "{}" cannot be made empty.',
    3153: 'The element "{}" contradicts "{}" in this request.',
    3160: 'Cannot delete the object specified by the id = "{}".  QuickBooks error message: {}',
    3161: "Cannot delete a transaction with a date that is on or before the closing date of the company.",
    3162: "This request cannot be carried out in multi-user mode.",
    3170: 'There was an error when modifying a {} list, element "{}".  QuickBooks error message: '
    "Cannot merge list elements.",
    3171: "An attempt was made to modify a(n) {} with a date that is on or before the closing date of the company.",
    3175: "The transaction could not be locked. It is in use by another user.",
    3176: "A related object is in use by another user.",
    3177: 'The transaction "{}" is given twice.',
    3180: 'There was an error when saving a {} list, element "{}".  QuickBooks error message: {}',
    3200: 'The provided edit sequence "{}" is out-of-date. ',
    3205: 'The address "{}" has too many lines.',
    3210: 'The "{}" field has an invalid value "{}".  QuickBooks error message: {}',
    3231: "The request has not been processed.",
    3240: 'The object "{}" was not created when its ID says.',
    3250: "This feature is not enabled or not available in this version of QuickBooks.",
    3260: "Insufficient permission level to perform this action.",
    3261: "The application does not have permission to access sensitive data.",
    3270: 'Missing posting account: "{}"',
    3280: 'The item "{}" is of a type that does not fit here.',
    3290: 'The item "{}" is placed in the request in incorrect order.',
    3391: 'The iteratorID "{}" is not valid.',
    9100: 'The macro "{}" is not defined.',
}

# What other users of the company file cause; a switch answers with these (semantics 2: 3170, 3180 locks).
LOCK_TEXTS: Mapping[int, str] = {
    3170: "There was an error when modifying a Customers list.  QuickBooks error message: "
    "The internals could not be locked. They are in use by another user.",
    3180: "There was an error when saving a Customers list.  QuickBooks error message: "
    "This list has been modified by another user.",
}


class Refusal(Exception):
    """A request was refused (or only partly carried out): the code, QuickBooks' text, and rarely a record (3200)."""

    def __init__(
        self, code: int, *named: str, records: Sequence[Record] = (), message: str | None = None
    ) -> None:
        self.code = code
        self.message = TEXTS.get(code, "").format(*named) if message is None else message
        self.records = tuple(records)
        super().__init__(f"{code}: {self.message}")


def severity(code: int) -> Severity:
    """The ranges of section 2, spelled as real answers spell them."""
    if code < 500:
        return "Info"
    return "Warn" if code < 1000 else "Error"
