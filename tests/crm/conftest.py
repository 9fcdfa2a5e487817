"""A tiny HTTP server that answers as a test says, and gateways that wait for nobody."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crm.http import Retries
from crm.salesforce import SalesforceGateway, open_gateway

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECRET = {"consumer_key": "key", "consumer_secret": "secret"}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text, parse_float=Decimal)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.text).items()}

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True)
class Says:
    """An answer; `at` becomes its Date. A status of 0 closes the connection without one."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = NOW


Script = Callable[[Asked], Says]


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of these tests hang up early on purpose."""


class Server:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def paths(self, method: str = "") -> list[str]:
        return [each.path for each in self.asked if method in ("", each.method)]


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer, so that nothing waits for an acknowledgement

        def answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            text = self.rfile.read(length).decode()
            asked = Asked(self.command, parts.path, query, dict(self.headers), text)
            server.asked.append(asked)
            says = server.script(asked)
            if says.status == 0:
                self.close_connection = True
                return
            self.reply(says)

        def reply(self, says: Says) -> None:
            body = b"" if says.body is None else _bytes(says.body)
            self.send_response_only(says.status)
            if says.at:
                self.send_header("Date", format_datetime(says.at, usegmt=True))
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    servers: list[Server] = []

    def start(script: Script) -> Server:
        servers.append(Server(script))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def naps() -> list[float]:
    """The pauses that were asked for and not slept."""
    return []


@pytest.fixture
def retries(naps: list[float]) -> Retries:
    return Retries(sleep=naps.append, clock=lambda: NOW, chance=lambda: 1.0)


@pytest.fixture
def gateway_to(retries: Retries) -> Iterator[Callable[..., SalesforceGateway]]:
    opened: list[SalesforceGateway] = []

    def make(server: Server, credentials: Mapping[str, str] = SECRET, **options: Any) -> SalesforceGateway:
        options = {"retries": retries, "timeout": (2.0, 2.0), **options}
        opened.append(open_gateway(server.url, credentials, **options))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def private_pem(private_key: rsa.RSAPrivateKey) -> str:
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


# A Salesforce of a few lines, for what happens around a call rather than in it

DATA = "/services/data/v64.0/"


class Org:
    """Answers logins and describes itself; everything else is told by `on(method, beginning of the path)`."""

    def __init__(self) -> None:
        self.logins = 0
        self.login = lambda _: Says(
            200, {"access_token": f"token-{self.logins}", "id": "https://x/id/00D/005A"}
        )
        self.fields: list[dict[str, Any]] = [
            text_field("Id", kind="id", createable=False, updateable=False),
            text_field("Name", 255, nillable=False),
            text_field("SystemModstamp", kind="datetime"),
            text_field("QB_SyncKey__c", 80, externalId=True, unique=True),
            text_field("Loose__c", 80, externalId=True),
            text_field("Worth__c", kind="currency"),
        ]
        self._rules: list[tuple[str, str, Script]] = []

    def on(self, method: str, beginning: str, answer: Script) -> None:
        self._rules.insert(0, (method, DATA + beginning, answer))

    def __call__(self, asked: Asked) -> Says:
        if asked.path == "/services/oauth2/token":
            self.logins += 1
            return self.login(asked)
        if asked.path.endswith("/describe"):
            return Says(200, {"fields": self.fields})
        for method, beginning, answer in self._rules:
            if asked.method == method and unquote(asked.path).startswith(beginning):
                return answer(asked)
        if asked.path == DATA:
            return Says(200, {"sobjects": DATA + "sobjects"})
        return Says(404, [{"errorCode": "NOT_FOUND", "message": f"no rule for {asked.method} {asked.path}"}])


def text_field(name: str, length: int = 0, *, kind: str = "string", **more: Any) -> dict[str, Any]:
    base = {"nillable": True, "createable": True, "updateable": True, "defaultedOnCreate": False}
    return {"name": name, "type": kind, "length": length, **base, **more}


@pytest.fixture
def org() -> Org:
    return Org()


@pytest.fixture
def rows() -> Callable[..., Says]:
    """The answer to a query."""
    return lambda *found, done=True: Says(
        200, {"totalSize": len(found), "done": done, "records": list(found)}
    )


@pytest.fixture
def says() -> type[Says]:
    return Says
