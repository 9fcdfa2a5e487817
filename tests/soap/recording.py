"""A recording stand-in for the sessions, and the Web Connector's way of posting to a WSGI application."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from wsgiref.types import WSGIApplication

from lxml import etree
from werkzeug.serving import make_server

from qbwc_server.soap.front import soap_app
from qbwc_server.sync.posted import Posted

URL = "https://books.example.com/qbwc"
INTUIT = "http://developer.intuit.com/"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
MAX = 100_000_000

# As captured from a real Web Connector: declaration, prefix "soap", default namespace on the method.
REQUEST = (
    '<?xml version="1.0" encoding="utf-8"?>'
    f'<soap:Envelope xmlns:soap="{ENVELOPE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>%s</soap:Body></soap:Envelope>'
)


@dataclass
class Recording:
    """Answers what it was told to, an exception by raising it; keeps (method, arguments) of each call."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def _record(self, name: str, *arguments: Any) -> Any:
        self.calls.append((name, arguments))
        answer = self.answers.get(
            name, {"authenticate": ["T", ""], "receive_response_xml": 100}.get(name, "")
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def server_version(self) -> str:
        return self._record("server_version")

    def client_version(self, version: str) -> str:
        return self._record("client_version", version)

    def authenticate(self, user: str, password: str, address: str) -> list[str]:
        return self._record("authenticate", user, password, address)

    def send_request_xml(
        self, ticket: str, hcp_response: str, company_file: str, country: str, major: int, minor: int
    ) -> str:
        return self._record("send_request_xml", ticket, hcp_response, company_file, country, major, minor)

    def receive_response_xml(self, ticket: str, response: Posted, hresult: str, message: str) -> int:
        return self._record("receive_response_xml", ticket, response.open().read().decode(), hresult, message)

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        return self._record("connection_error", ticket, hresult, message)

    def get_last_error(self, ticket: str) -> str:
        return self._record("get_last_error", ticket)

    def close_connection(self, ticket: str) -> str:
        return self._record("close_connection", ticket)

    def get_interactive_url(self, ticket: str, session_id: str) -> str:
        return self._record("get_interactive_url", ticket, session_id)

    def interactive_rejected(self, ticket: str, reason: str) -> str:
        return self._record("interactive_rejected", ticket, reason)

    def interactive_done(self, ticket: str) -> str:
        return self._record("interactive_done", ticket)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.body, etree.XMLParser(huge_tree=True))

    @property
    def fault_code(self) -> str:
        """ "Client", "Server" or "VersionMismatch"; fails for anything that is not a proper fault."""
        assert self.status == 500
        assert self.headers["content-type"] == "text/xml; charset=utf-8"
        found = self.root.find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault")
        assert found is not None
        assert found.findtext("faultstring")
        return (found.findtext("faultcode") or "").removeprefix("soap:")

    @property
    def result(self) -> Any:
        """The text of the result element, or a list of texts for the array of authenticate."""
        assert self.status == 200
        assert self.headers["content-type"] == "text/xml; charset=utf-8"
        (response,) = self.root.find(f"{{{ENVELOPE}}}Body")  # type: ignore[misc]
        (result,) = response
        assert response.tag.startswith(f"{{{INTUIT}}}")
        assert result.tag == response.tag.removesuffix("Response") + "Result"
        return [item.text or "" for item in result] if len(result) else result.text or ""


def app(operations: Recording | None = None, *, max_bytes: int = MAX) -> WSGIApplication:
    return soap_app(operations or Recording(), public_url=URL, max_bytes=max_bytes)


def ask(application: WSGIApplication, method: str, body: bytes = b"", **environ: Any) -> Reply:
    """One HTTP exchange; `environ` adds to a plain WSGI environment, None takes a key away."""
    full = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "/qbwc",
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.9",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
    } | environ
    told: list[tuple[int, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told.append((int(status.split(" ")[0]), {name.lower(): value for name, value in headers}))
        return lambda data: None

    given = {key: value for key, value in full.items() if value is not None}
    output = b"".join(application(given, start_response))
    return Reply(*told[0], output)


def post(application: WSGIApplication, body: bytes | str, **environ: Any) -> Reply:
    data = body.encode() if isinstance(body, str) else body
    usual = {"CONTENT_TYPE": "text/xml; charset=utf-8", "CONTENT_LENGTH": str(len(data))}
    return ask(application, "POST", data, **(usual | environ))


def call(application: WSGIApplication, method: str, inner: str = "", **environ: Any) -> Reply:
    """One call as the Web Connector posts it; `inner` are the argument elements."""
    action = {"HTTP_SOAPACTION": f'"{INTUIT}{method}"'}
    element = f'<{method} xmlns="{INTUIT}">{inner}</{method}>' if inner else f'<{method} xmlns="{INTUIT}" />'
    return post(application, REQUEST % element, **(action | environ))


def serve(application: WSGIApplication) -> Iterator[str]:
    """The address of a real HTTP server on this machine, for as long as the generator lives."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/qbwc"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
