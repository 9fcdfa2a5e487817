"""The server process that is measured: `qbwc-server serve` with one worker of four threads, on a free port.

`--nothing` serves an application that reads the body and answers at once, in the same gunicorn with the same
settings: the yardstick. `--worker` does the background work in the same process, as `qbwc-server run` does.
`--profile FILE` writes where the time of all calls went when the server ends.
"""

from __future__ import annotations

import argparse
import cProfile
import signal
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from qbwc_server.app import Installation
from qbwc_server.cli import server
from qbwc_server.cli.server import Serving
from qbwc_server.logs import set_up_logs

THREADS = 4
BLOCK = 64 * 1024
# Whatever becomes of the benchmark, no server of its outlives this.
LIFETIME_SECONDS = 1200
NOTHING = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    b'<nothingResponse xmlns="http://developer.intuit.com/"><nothingResult/></nothingResponse>'
    b"</soap:Body></soap:Envelope>"
)


def nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Reads what it is sent and forgets it."""
    missing = int(environ.get("CONTENT_LENGTH") or 0)
    while missing > 0 and (block := environ["wsgi.input"].read(min(BLOCK, missing))):
        missing -= len(block)
    headers = [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(NOTHING)))]
    start_response("200 OK", headers)
    return [NOTHING]


class Profiled:
    """An application whose calls are timed function by function, one call at a time."""

    def __init__(self, inner: WSGIApplication, file: Path) -> None:
        self._inner, self._file = inner, file
        self._profile, self._lock = cProfile.Profile(), threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            self._profile.enable()
            try:
                body = list(self._inner(environ, start_response))
            finally:
                self._profile.disable()
            if environ.get("REQUEST_METHOD") != "POST":  # a look at the page asks for the figures so far
                self._profile.dump_stats(self._file)
        return body


@dataclass(frozen=True)
class Measured(Serving):
    nothing: bool = False
    profile: Path | None = None

    def application(self, installation: Installation) -> WSGIApplication:
        web = nothing if self.nothing else super().application(installation)
        return Profiled(web, self.profile) if self.profile else web


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--nothing", action="store_true")
    options.add_argument("--worker", action="store_true")
    options.add_argument("--profile", type=Path)
    chosen = options.parse_args()
    signal.alarm(LIFETIME_SECONDS)  # not inherited by the worker, which ends with its parent
    set_up_logs("WARNING")
    server.THREADS = THREADS
    more = {"with_worker": chosen.worker, "nothing": chosen.nothing, "profile": chosen.profile}
    server.serve(Measured(chosen.home, "127.0.0.1", 0, **more))


if __name__ == "__main__":
    main()
