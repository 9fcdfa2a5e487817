"""How the WSGI application is served: gunicorn, or waitress where there is no fork (Windows)."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import click

from qbwc_server import app
from qbwc_server.app import Installation
from qbwc_server.errors import Problem
from qbwc_server.logs import set_up_logs

THREADS = 16
# QuickBooks may work for minutes between two calls, and .NET reuses the idle connection.
KEEPALIVE_SECONDS = 75
# Above the longest answer: a body of 50 MB on a slow line.
TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Serving:
    """What to serve and how. `with_worker`: the serving process does the background work as well."""

    home: Path | None
    host: str
    port: int
    workers: int = 1
    with_worker: bool = False
    # For tests of those who call: every SOAP call is answered with an error page.
    break_soap: bool = False

    def application(self, installation: Installation) -> WSGIApplication:
        web: WSGIApplication = installation.web()
        return broken(web) if self.break_soap else web


def serve(serving: Serving) -> None:
    """Serve until SIGTERM or SIGINT. What is wrong is said before any process of the server is made."""
    app.open_installation(serving.home).close()
    _check_free(serving)
    start = _with_waitress if sys.platform == "win32" else _with_gunicorn
    start(serving)


def _check_free(serving: Serving) -> None:
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    with socket.socket(family) as trial:
        if os.name == "posix":  # elsewhere it would allow what is to be found out
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((serving.host.strip("[]"), serving.port))
        except OSError as taken:
            raise Problem(
                f"The server cannot listen on {serving.host}:{serving.port}: "
                f"{(taken.strerror or str(taken)).lower()}. Stop what listens there, or choose another with --bind."
            ) from taken


def broken(inner: WSGIApplication) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("REQUEST_METHOD") != "POST":
            return inner(environ, start_response)
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"Broken on purpose.\n"]

    return answer


def listening(host: str, port: int) -> str:
    return f"Listening on http://{host}:{port}"


def _with_gunicorn(serving: Serving) -> None:
    from gunicorn.app.base import BaseApplication  # not importable on Windows

    class Served(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        installation: Installation
        background: Any = None

        def load_config(self) -> None:
            for name, value in gunicorn_settings(serving).items():
                self.cfg.set(name, value)
            self.cfg.set("post_worker_init", self.begin)
            self.cfg.set("worker_exit", self.end)
            self.cfg.set("when_ready", _announce)

        def load(self) -> Any:
            """In the process that serves: nothing is opened before the fork."""
            self.installation = app.open_installation(serving.home)
            set_up_logs(self.installation.settings.log_level)
            return serving.application(self.installation)

        def begin(self, _worker: Any) -> None:
            if serving.with_worker:
                self.background = self.installation.worker()
                self.background.start()

        def end(self, _server: Any, _worker: Any) -> None:
            if self.background is not None:
                self.background.stop()

    Served().run()


def gunicorn_settings(serving: Serving) -> dict[str, Any]:
    return {
        "bind": f"{serving.host}:{serving.port}",
        "workers": serving.workers,
        "worker_class": "gthread",
        "threads": THREADS,
        "keepalive": KEEPALIVE_SECONDS,
        "timeout": TIMEOUT_SECONDS,
        "graceful_timeout": 20,
        "preload_app": False,
        # Believed of any caller on this machine otherwise, and so of whoever a proxy here lets through.
        "forwarder_headers": "",
        "control_socket_disable": True,
        "loglevel": "warning",
        "proc_name": "qbwc-server",
    }


def _announce(server: Any) -> None:
    for listener in server.LISTENERS:
        host, port = listener.sock.getsockname()[:2]
        click.echo(listening(host, port))
    sys.stdout.flush()


def _with_waitress(serving: Serving) -> None:
    from waitress.server import create_server  # installed on Windows only

    installation = app.open_installation(serving.home)
    set_up_logs(installation.settings.log_level)
    server = create_server(
        serving.application(installation),
        host=serving.host,
        port=serving.port,
        threads=THREADS,
        channel_timeout=KEEPALIVE_SECONDS,
        # Beyond the setting, so that whoever posts too much hears it from us, in a sentence.
        max_request_body_size=max(4 * installation.settings.max_bytes, 100_000_000),
    )
    click.echo(listening(server.effective_host, server.effective_port))
    background = installation.worker() if serving.with_worker else None
    try:
        if background is not None:
            background.start()
        server.run()
    finally:
        server.close()
        if background is not None:
            background.stop()
        installation.close()


def work(home: Path | None) -> None:
    """The background work alone, until SIGTERM or SIGINT."""
    installation = app.open_installation(home)
    set_up_logs(installation.settings.log_level)
    until_stopped = _stop_signal()
    background = installation.worker()
    background.start()
    click.echo("The worker runs. Ctrl-C ends it.")
    sys.stdout.flush()
    try:
        until_stopped()
    finally:
        background.stop()
        installation.close()


def _stop_signal() -> Callable[[], None]:
    """A function that returns once the process is asked to end."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())

    def wait() -> None:
        while not asked.wait(timeout=1):  # a wait without end cannot be interrupted on Windows
            pass

    return wait
