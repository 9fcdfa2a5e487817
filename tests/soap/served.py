"""What gunicorn serves in the tests: the product's own application, opened in the home that a file names.

One server process for all worlds, because starting one costs more than a case; the file is read at each request.
Run as `python -m tests.soap.served FD` with an open socket that listens, and the file in WORLD_TO_SERVE.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from gunicorn.app.base import BaseApplication

from qbwc_server import app as product
from qbwc_server.app import Installation
from qbwc_server.cli.server import Serving, gunicorn_settings
from qbwc_server.soap.methods import METHODS
from qbwc_server.soap.operations import Sessions

NAMED_IN = "WORLD_TO_SERVE"


@dataclass(frozen=True)
class BreakingInstallation(Installation):
    """A sound installation but for one SOAP method."""

    broken: str = ""

    def sessions(self) -> Sessions:
        sessions = super().sessions()
        if self.broken:
            setattr(sessions, METHODS[self.broken].port, _break)
        return sessions


def _break(*given: Any) -> Any:
    raise RuntimeError(f"leak-marker {given}")


def web_of(home: Path, broken: str) -> tuple[Installation, WSGIApplication]:
    found = product.open_installation(home)
    breaking = BreakingInstallation(**found.__dict__, broken=broken)
    return breaking, breaking.web()


@lru_cache(maxsize=1)
def _served(home: str, broken: str) -> WSGIApplication:
    return web_of(Path(home), broken)[1]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    named = json.loads(Path(os.environ[NAMED_IN]).read_text())
    return _served(named["home"], named["broken"])(environ, start_response)


class Served(BaseApplication):
    """Gunicorn as the product sets it up, but for the socket."""

    def load_config(self) -> None:
        for name, value in gunicorn_settings(Serving(None, "127.0.0.1", 0)).items():
            self.cfg.set(name, value)
        self.cfg.set("bind", f"fd://{sys.argv[1]}")

    def load(self) -> WSGIApplication:
        return app


if __name__ == "__main__":
    Served().run()
