"""One HTTP POST to the application, sent and judged as the .NET SOAP client does (protocol reference 1.1 to 1.4)."""

import codecs
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from qbwc_server.simulator.connector import envelope
from qbwc_server.simulator.connector.envelope import NAMESPACE, ReplyError, Style
from qbwc_server.simulator.connector.unconfirmed import Unconfirmed

USER_AGENT = "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)"
SOAP_TYPES = ("text/xml", "application/soap+xml")

# The code that the user sees when a call ends in an exception (1.5). serverVersion has none: it is only logged.
CALL_CODES = {
    "serverVersion": "",
    "clientVersion": "QBWC1036",
    "authenticate": "QBWC1012",
    "sendRequestXML": "QBWC1041",
    "receiveResponseXML": "QBWC1042",
    "getLastError": "QBWC1043",
    "closeConnection": "QBWC1044",
    "connectionError": "QBWC1045",
    "getInteractiveURL": "",
    "interactiveDone": "",
    "isInteractiveDone": "",
    "interactiveRejected": "",
}


class CallFailed(Exception):
    """A call ended in an exception: the run is over. code is the QBWC code of the method."""

    def __init__(self, method: str, text: str) -> None:
        self.method = method
        self.text = text
        self.code = CALL_CODES[method]
        super().__init__(f"{self.code}: {text}" if self.code else text)


class Service:
    """The application behind one AppURL, for one run: cookies and the connection live as long as this object."""

    def __init__(
        self,
        url: str,
        timeout: float = 100.0,
        unconfirmed: Unconfirmed | None = None,
        style: Style = "Document",
    ) -> None:
        self.url = url
        self.timeout = timeout
        self._unconfirmed = unconfirmed or Unconfirmed()
        self._style = style
        self._is_connected = False
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.clear()

    def call(self, method: str, **values: str | int) -> Any:
        """The typed result of a method, None for what .NET would call null; CallFailed for everything else."""
        body = envelope.request(method, self._style, **values)
        try:
            return _judge(method, envelope.result(method, self._post(method, body), self._style))
        except (ReplyError, requests.RequestException, HTTPError) as error:
            raise CallFailed(method, self._told(error)) from error

    def _told(self, error: Exception) -> str:
        """Where nobody listens the library's text tells of its pools and retries, and not of that."""
        if "NewConnectionError" in str(error):
            return f"Unable to connect to the remote server: nothing answers at {self.url}."
        return str(error)

    def call_half(self, method: str, **values: str | int) -> None:
        """Promises the whole call, sends half of it and hangs up."""
        body = envelope.request(method, self._style, **values)
        url = urlsplit(self.url)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        with closing(kind(url.hostname or "", url.port, timeout=self.timeout)) as line, suppress(OSError):
            line.putrequest(
                "POST", f"{url.path or '/'}{'?' if url.query else ''}{url.query}", skip_accept_encoding=True
            )
            for name, value in self._headers(method).items():
                if name not in ("Accept-Encoding", "Expect"):
                    line.putheader(name, value)
            line.putheader("Content-Length", str(len(body)))
            line.endheaders(body[: len(body) // 2])

    def close(self) -> None:
        self._http.close()

    def _headers(self, method: str) -> dict[str, Any]:
        return {
            "User-Agent": USER_AGENT,
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{NAMESPACE}{method}"',
            **({"Expect": "100-continue"} if self._unconfirmed.expects_continue else {}),
            "Accept-Encoding": SKIP_HEADER,
            # On the first request of a connection only (1.3).
            **({} if self._is_connected else {"Connection": "Keep-Alive"}),
        }

    def _post(self, method: str, body: bytes) -> str:
        with self._http.post(
            self.url,
            data=body,
            headers=self._headers(method),
            timeout=self.timeout,
            allow_redirects=False,
            stream=True,
        ) as reply:
            self._is_connected = reply.raw.version >= 11 and reply.headers.get("Connection") != "close"
            if not self._unconfirmed.keeps_cookies:
                self._http.cookies.clear()
            # read() of the raw stream: a compressed body stays compressed, as .NET leaves it.
            return read_body(
                reply.status_code,
                reply.headers.get("Content-Type", ""),
                reply.raw.read(),
                "ascii" if self._unconfirmed.ascii_without_charset else "utf-8",
            )


def read_body(status: int, content_type: str, body: bytes, without_charset: str = "ascii") -> str:
    """The text of a reply that .NET would go on to parse; raises ReplyError for the rest (table of 1.4)."""
    media = content_type.partition(";")[0].strip().lower()
    if status >= 300 and not (status in (400, 500) and media in SOAP_TYPES):
        raise ReplyError(f"The request failed with HTTP status {status}.")
    if not body:
        raise ReplyError(f"{_found(content_type)} The request failed with an empty response.")
    if media not in SOAP_TYPES:
        raise ReplyError(
            f"{_found(content_type)} The request failed with the error message: "
            f"{body[:200].decode('latin-1')}"
        )
    return _decoded(body, content_type, without_charset)


def _found(content_type: str) -> str:
    return f"Client found response content type of '{content_type}', but expected 'text/xml'."


def _decoded(body: bytes, content_type: str, without_charset: str) -> str:
    """Without a charset the class reads US-ASCII, and every other byte becomes a question mark (1.4, details)."""
    if body.startswith(b"\xef\xbb\xbf"):
        return body.decode("utf-8-sig", errors="replace")
    return body.decode(_encoding(content_type, without_charset), errors="replace").replace("\ufffd", "?")


def _encoding(content_type: str, without_charset: str) -> str:
    parameters = (part.partition("=") for part in content_type.split(";")[1:])
    named = {key.strip().lower(): value.strip().strip("\"'") for key, _, value in parameters}
    try:
        return codecs.lookup(named["charset"]).name
    except (KeyError, LookupError):
        return without_charset


def _judge(method: str, value: Any) -> Any:
    """What fails only when the program uses the value: a null or short array, a number that is none."""
    if method == "authenticate" and (value is None or len(value) < 2):
        raise ReplyError("Index was outside the bounds of the array.")
    if method == "receiveResponseXML" and value is None:
        raise ReplyError("Input string was not in a correct format.")
    return value
