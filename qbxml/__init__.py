"""The language of QuickBooks Desktop: build, validate and parse qbXML from field tables."""

from qbxml.build import build, build_answer
from qbxml.errors import InvalidRequest, QbxmlError, RefusedByParser, UnreadableAnswer, Violation
from qbxml.fields import Field, fields
from qbxml.ids import external_guid, new_set_id
from qbxml.messages import Answer, Request, RequestSet, Response, Ret, SetStatus, Status, Value
from qbxml.mixed import in_order
from qbxml.negotiate import negotiate
from qbxml.parse import parse, read
from qbxml.requests import read_request
from qbxml.status import (
    HRESULT,
    MESSAGE_SET_STATUS,
    STATUS,
    HresultInfo,
    StatusInfo,
    hresult,
    next_step,
    status,
)
from qbxml.validate import validate
from qbxml.walltime import WallTime

__all__ = [
    "HRESULT",
    "MESSAGE_SET_STATUS",
    "STATUS",
    "Answer",
    "Field",
    "HresultInfo",
    "InvalidRequest",
    "QbxmlError",
    "RefusedByParser",
    "Request",
    "RequestSet",
    "Response",
    "Ret",
    "SetStatus",
    "Status",
    "StatusInfo",
    "UnreadableAnswer",
    "Value",
    "Violation",
    "WallTime",
    "build",
    "build_answer",
    "external_guid",
    "fields",
    "hresult",
    "in_order",
    "negotiate",
    "new_set_id",
    "next_step",
    "parse",
    "read",
    "read_request",
    "status",
    "validate",
]
