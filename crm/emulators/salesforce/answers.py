"""HTTP translation: what a call is, and how results and refusals look on the wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime

from werkzeug.wrappers import Request, Response

from crm.emulators import exact_json

from . import errors
from .errors import ApiError, LoginError
from .org import Org
from .schema import SObject


@dataclass(frozen=True)
class Call:
    """One request, its place in the API, and the organisation it is for."""

    request: Request
    org: Org
    # "64.0"; empty outside /services/data/vNN.0.
    version: str
    # The variable segments of the path, decoded.
    args: Mapping[str, str]
    # Carries out a part of a composite call, told whether the whole stands or falls together.
    part: Callable[[Request, bool], Response]
    # This call is a part of a composite that stands or falls together.
    all_or_none: bool = False

    @property
    def data_url(self) -> str:
        return f"/services/data/v{self.version}"

    @property
    def item(self) -> SObject:
        """The object that the path names; 404 when there is none."""
        item = self.org.schema.find(self.args["object"])
        if item is None:
            raise errors.not_found()
        return item

    def body(self) -> dict[str, object]:
        """The JSON object of the request."""
        if self.request.mimetype != "application/json":
            text = f"Content type {self.request.mimetype or 'none'} not supported, use application/json"
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", text)
        try:
            read = exact_json.loads(self.request.get_data())
        except ValueError as unreadable:
            raise errors.unreadable(f"Unexpected content: {unreadable}") from unreadable
        if not isinstance(read, dict):
            raise errors.unreadable("The HTTP entity body is required to be a JSON object")
        return read


def json(value: object, status: int = 200) -> Response:
    return Response(exact_json.dumps(value), status, content_type="application/json;charset=UTF-8")


def nothing() -> Response:
    """204: done, and there is nothing to say."""
    return Response(status=204)


def refused(error: ApiError) -> Response:
    if error.status in _WITHOUT_BODY:
        return Response(status=error.status)
    return json(error.body(), error.status)


def login_refused(error: LoginError) -> Response:
    return json({"error": error.error, "error_description": error.description}, 400)


def stamped(response: Response, org: Org) -> Response:
    """The headers that every answer has: the server's time, and how many calls are used up."""
    response.headers["Date"] = format_datetime(org.clock.second(), usegmt=True)
    response.headers["Sforce-Limit-Info"] = f"api-usage={org.limits.used}/{org.settings.daily_requests}"
    return response


# The reference does not know the body of a 412; an empty one is what a client must survive.
_WITHOUT_BODY = (304, 412)
