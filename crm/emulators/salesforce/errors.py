"""The errors of the real service, word for word where the words are known (see README, "Marks")."""

from collections.abc import Sequence

SUPPORT_TEXT = "Please reference your WSDL or the describe call for the appropriate names."


class ApiError(Exception):
    """A refusal: an HTTP status, Salesforce's error code, its sentence, the fields it names.

    `fields` is None for errors that carry no such key in the real answers.
    """

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def body(self) -> list[dict[str, object]]:
        """The answer of a single call: an array, as every REST resource gives it."""
        entry: dict[str, object] = {"message": self.message, "errorCode": self.code}
        return [entry if self.fields is None else entry | {"fields": self.fields}]

    def in_collection(self) -> dict[str, object]:
        """The same refusal as one row of a collection answer, where the key is `statusCode`."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


class LoginError(Exception):
    """A refusal of the token endpoint: always 400, and an object instead of an array."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def session_gone() -> ApiError:
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def not_found(text: str = "The requested resource does not exist") -> ApiError:
    return ApiError(404, "NOT_FOUND", text)


def no_such_key(value: str) -> ApiError:
    return not_found(f"Provided external ID field does not exist or is not accessible: {value}")


def deleted() -> ApiError:
    return ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])


def not_emulated(what: str) -> ApiError:
    return ApiError(501, "NOT_EMULATED", f"{what} exists in Salesforce but not in this emulator")


def stale() -> ApiError:
    return ApiError(412, "PRECONDITION_FAILED", "")


def unreadable(text: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", text)


def bad_value(kind: str, token: str, value: object) -> ApiError:
    return unreadable(
        f"Cannot deserialize instance of {kind} from {token} value {value} or request may be missing a "
        "required field"
    )


def no_such_column(name: str, object_name: str) -> ApiError:
    return ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {object_name}")


def not_in_body(name: str) -> ApiError:
    text = f"The {name} field should not be specified in the sobject data."
    return ApiError(400, "INVALID_FIELD", text)


def read_only(names: Sequence[str]) -> ApiError:
    text = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set."
    )
    return ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, names)


def missing(names: Sequence[str]) -> ApiError:
    text = f"Required fields are missing: [{', '.join(names)}]"
    return ApiError(400, "REQUIRED_FIELD_MISSING", text, names)


def too_long(name: str, label: str, value: str, most: int) -> ApiError:
    text = f"{label}: data value too large: {value} (max length={most})"
    return ApiError(400, "STRING_TOO_LONG", text, [name])


def too_large(name: str, label: str, value: object) -> ApiError:
    text = f"{label}: value outside of valid range on numeric field: {value}"
    return ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", text, [name])


def bad_choice(name: str, label: str, value: str) -> ApiError:
    text = f"{label}: bad value for restricted picklist field: {value}"
    return ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, [name])


def bad_email(name: str, label: str, value: str) -> ApiError:
    return ApiError(400, "INVALID_EMAIL_ADDRESS", f"{label}: invalid email address: {value}", [name])


def bad_id(name: str, label: str, value: str) -> ApiError:
    return ApiError(400, "MALFORMED_ID", f"{label}: id value of incorrect type: {value}", [name])


def wrong_object(name: str, label: str, value: str) -> ApiError:
    text = f"{label}: id value of incorrect type: {value}"
    return ApiError(400, "FIELD_INTEGRITY_EXCEPTION", text, [name])


def no_such_row(name: str) -> ApiError:
    return ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [name])


def no_foreign_key(value: object, field: str, object_name: str) -> ApiError:
    text = f"Foreign key external ID: {value} not found for field {field} in entity {object_name}"
    return ApiError(400, "INVALID_FIELD", text)


def integrity(name: str, why: str) -> ApiError:
    text = f"field integrity exception: {name} ({why})"
    return ApiError(400, "FIELD_INTEGRITY_EXCEPTION", text, [name])


def circle() -> ApiError:
    return ApiError(400, "CIRCULAR_DEPENDENCY", "attempt to violate hierarchy constraints", ["ParentId"])


def no_standard_price() -> ApiError:
    text = "Before creating a custom price, create a standard price."
    return ApiError(400, "STANDARD_PRICE_NOT_DEFINED", text, [])


def price_exists() -> ApiError:
    text = "This price definition already exists in this price book"
    return ApiError(400, "FIELD_INTEGRITY_EXCEPTION", text, [])


def in_use(what: str) -> ApiError:
    text = f"Your attempt to delete it could not be completed because it is used by {what}"
    return ApiError(400, "DELETE_FAILED", text, [])


def duplicate(name: str, row_id: str) -> ApiError:
    text = f"duplicate value found: {name} duplicates value on record with id: {row_id}"
    return ApiError(400, "DUPLICATE_VALUE", text, [])


def locked(row_id: str | None) -> ApiError:
    text = "unable to obtain exclusive access to this record"
    if row_id:
        text += f" or 1 records: {row_id}"
    return ApiError(400, "UNABLE_TO_LOCK_ROW", text, [])


def duplicates_detected() -> ApiError:
    return ApiError(400, "DUPLICATES_DETECTED", "Use one of these records?", [])


def too_many(most: int) -> ApiError:
    text = f"record limit reached. cannot submit more than {most} records into this call"
    return ApiError(400, "EXCEEDED_ID_LIMIT", text)


def rolled_back() -> ApiError:
    text = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return ApiError(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", text, [])


def halted(
    text: str = "The transaction was rolled back since another operation in the same transaction failed.",
) -> ApiError:
    return ApiError(400, "PROCESSING_HALTED", text)


def replication_date(text: str) -> ApiError:
    return ApiError(400, "INVALID_REPLICATION_DATE", text)


def limit_exceeded() -> ApiError:
    return ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def unavailable() -> ApiError:
    return ApiError(503, "SERVER_UNAVAILABLE", "server temporarily unavailable")


def broken() -> ApiError:
    text = "An unexpected error occurred. Please include this ErrorId if you contact support: 1042-7 (1)"
    return ApiError(500, "UNKNOWN_EXCEPTION", text)
