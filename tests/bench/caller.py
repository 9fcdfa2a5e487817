"""A Web Connector below HTTP: its requests are made before the clock starts, only the server's work is timed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from wsgiref.types import WSGIApplication, WSGIEnvironment
from xml.sax.saxutils import escape

from lxml import etree
from werkzeug.test import create_environ

INTUIT = "http://developer.intuit.com/"
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    f'<%(method)s xmlns="{INTUIT}">%(values)s</%(method)s></soap:Body></soap:Envelope>'
)


@dataclass
class Caller:
    """Calls an application and adds up the seconds that it took to answer."""

    application: WSGIApplication
    seconds: float = 0.0
    ticket: str = ""
    _statuses: list[str] = field(default_factory=list)

    def call(self, method: str, **values: object) -> list[str]:
        """The texts of the answer; RuntimeError unless it is a proper one."""
        environ = _environ(method, values)
        started = time.perf_counter()
        body = b"".join(self.application(environ, self._start_response))
        self.seconds += time.perf_counter() - started
        if not self._statuses[-1].startswith("200"):
            raise RuntimeError(f"{method}: {self._statuses[-1]} {body[:300]!r}")
        (result,) = etree.fromstring(body)[0][0]
        return [one.text or "" for one in result] if len(result) else [result.text or ""]

    def log_in(self, user: str, password: str) -> None:
        self.ticket, status, *_ = self.call("authenticate", strUserName=user, strPassword=password)
        if status:
            raise RuntimeError(f"authenticate: {status}")

    def send(self, hcp: str = "") -> str:
        about = {"strCompanyFileName": "C:\\Books\\Right.qbw", "qbXMLCountry": "US"}
        version = {"qbXMLMajorVers": 13, "qbXMLMinorVers": 0}
        return "".join(
            self.call("sendRequestXML", ticket=self.ticket, strHCPResponse=hcp, **about, **version)
        )

    def receive(self, response: str) -> int:
        (percent,) = self.call(
            "receiveResponseXML", ticket=self.ticket, response=response, hresult="", message=""
        )
        return int(percent)

    def close(self) -> None:
        self.call("closeConnection", ticket=self.ticket)

    def _start_response(self, status: str, _headers: object, _error: object = None) -> object:
        self._statuses.append(status)
        return self._statuses.append


def _environ(method: str, values: dict[str, object]) -> WSGIEnvironment:
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
    return create_environ(
        "/qbwc",
        method="POST",
        data=(ENVELOPE % {"method": method, "values": inner}).encode(),
        content_type="text/xml; charset=utf-8",
        headers={"SOAPAction": f'"{INTUIT}{method}"'},
        environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
    )
