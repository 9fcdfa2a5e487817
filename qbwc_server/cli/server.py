"""How the WSGI application is served: gunicorn, or waitress where there is no fork (Windows)."""

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from qbwc_server import app
from qbwc_server.app import Installation
from qbwc_server.logs import set_up_logs

THREADS = 16
# QuickBooks may work for minutes between two calls, and .NET reuses the idle connection.
KEEPALIVE_SECONDS = 75
# Above the longest answer: a body of 50 MB on a slow line.
TIMEOUT_SECONDS = 300


def serve(home: Path | None, bind: str, workers: int, *, with_worker: bool) -> None:
    """Serve until SIGTERM or SIGINT. `with_worker`: this process does the background work as well."""
    open_and_close(home)
    start = _with_waitress if sys.platform == "win32" else _with_gunicorn
    start(home, bind, workers, with_worker=with_worker)


def open_and_close(home: Path | None) -> None:
    """What is wrong with the installation is said here, before any process of the server is made."""
    app.open_installation(home).close()


def listening(host: str, port: int) -> str:
    return f"Listening on http://{host}:{port}"


def _with_gunicorn(home: Path | None, bind: str, workers: int, *, with_worker: bool) -> None:
    from gunicorn.app.base import BaseApplication  # not importable on Windows

    class Served(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        installation: Installation
        background: Any = None

        def load_config(self) -> None:
            for name, value in gunicorn_settings(bind, workers).items():
                self.cfg.set(name, value)
            self.cfg.set("post_worker_init", self.begin)
            self.cfg.set("worker_exit", self.end)
            self.cfg.set("when_ready", _announce)

        def load(self) -> Any:
            """In the process that serves: nothing is opened before the fork."""
            self.installation = app.open_installation(home)
            set_up_logs(self.installation.settings.log_level)
            return self.installation.web()

        def begin(self, _worker: Any) -> None:
            if with_worker:
                self.background = self.installation.worker()
                self.background.start()

        def end(self, _server: Any, _worker: Any) -> None:
            if self.background is not None:
                self.background.stop()

    Served().run()


def gunicorn_settings(bind: str, workers: int) -> dict[str, Any]:
    return {
        "bind": bind,
        "workers": workers,
        "worker_class": "gthread",
        "threads": THREADS,
        "keepalive": KEEPALIVE_SECONDS,
        "timeout": TIMEOUT_SECONDS,
        "graceful_timeout": 20,
        "preload_app": False,
        "control_socket_disable": True,
        "loglevel": "warning",
        "proc_name": "qbwc-server",
    }


def _announce(server: Any) -> None:
    for listener in server.LISTENERS:
        host, port = listener.sock.getsockname()[:2]
        click.echo(listening(host, port))
    sys.stdout.flush()


def _with_waitress(home: Path | None, bind: str, _workers: int, *, with_worker: bool) -> None:
    from waitress.server import create_server  # installed on Windows only

    installation = app.open_installation(home)
    set_up_logs(installation.settings.log_level)
    host, _, port = bind.rpartition(":")
    server = create_server(
        installation.web(),
        host=host,
        port=int(port),
        threads=THREADS,
        channel_timeout=KEEPALIVE_SECONDS,
        max_request_body_size=installation.settings.max_bytes,
    )
    click.echo(listening(server.effective_host, server.effective_port))
    background = installation.worker() if with_worker else None
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
