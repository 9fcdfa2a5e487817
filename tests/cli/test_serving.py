"""The processes of an installation, as real programs: they begin, answer and end when they are asked to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qbwc_server import app as product
from qbwc_server.cli.server import Serving, gunicorn_settings
from qbwc_server.store import visits
from qbwc_server.sync.visit import WORKER_LEASE
from tests.cli.conftest import Line


@contextmanager
def program(line: Line, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A `qbwc-server` process; it is ended with the block, whatever happened."""
    environment = os.environ | {"QBWC_HOME": str(line.home), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "qbwc_server.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def worker_lives(line: Line) -> bool:
    installation = product.open_installation(line.home)
    try:
        with installation.database.read() as tx:
            until = visits.lease_until(tx, WORKER_LEASE)
        return until is not None and until > installation.clock()
    finally:
        installation.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_process_serves_and_works_and_ends_cleanly(ready: Line, how: signal.Signals) -> None:
    with program(ready, "run", "--bind", "127.0.0.1:0") as process:
        address = first_line(process).removeprefix("Listening on ")
        with urllib.request.urlopen(f"{address}/qbwc", timeout=30) as answer:
            assert b"Web Connector" in answer.read()
        with urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:
            assert answer.read() == b"ok\n"
        assert worker_lives(ready)
        process.send_signal(how)
        _, trouble = process.communicate(timeout=40)
        assert process.returncode == 0
        assert "Traceback" not in trouble
    assert not worker_lives(ready)


def test_serving_alone_leaves_the_work_to_the_worker(ready: Line) -> None:
    with program(ready, "serve", "--bind", "127.0.0.1:0", "--workers", "2") as process:
        address = first_line(process).removeprefix("Listening on ")
        with urllib.request.urlopen(f"{address}/support", timeout=30) as answer:
            assert answer.status == 200
        assert not worker_lives(ready)
        with program(ready, "worker") as worker:
            assert "worker runs" in first_line(worker)
            assert worker_lives(ready)
            worker.terminate()
            worker.communicate(timeout=40)
            assert worker.returncode == 0
        assert not worker_lives(ready)
        process.terminate()
        process.communicate(timeout=40)
        assert process.returncode == 0


def test_an_address_in_use_is_one_sentence(ready: Line) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = ready.refuses("run", "--bind", f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in text
    assert "--bind" in text


@pytest.mark.parametrize("bind", ["8085", "127.0.0.1:", "127.0.0.1:99999", "a b:1", ":1", "127.0.0.1:-1"])
def test_what_is_no_address_to_listen_on_is_refused(ready: Line, bind: str) -> None:
    result = ready("serve", "--bind", bind)
    assert result.exit_code == 2
    assert "127.0.0.1:8085" in result.stderr


@pytest.mark.parametrize("command", ["serve", "worker", "run"])
def test_nothing_is_started_without_an_installation(line: Line, command: str) -> None:
    assert "qbwc-server init" in line.refuses(command)


def test_the_web_connector_finds_its_idle_connections_still_open() -> None:
    settings = gunicorn_settings(Serving(Path("home"), "127.0.0.1", 0, 3))
    assert settings["worker_class"] == "gthread"
    assert settings["keepalive"] == 75
    assert settings["timeout"] == 300
    assert settings["workers"] == 3
    assert settings["control_socket_disable"] is True
    assert settings["preload_app"] is False


def test_a_reader_that_stops_early_and_a_poor_terminal_are_no_errors(ready: Line) -> None:
    ready.says("company", "add", "Müller 東京", "--user", "shop")
    environment = os.environ | {"QBWC_HOME": str(ready.home), "PYTHONIOENCODING": "latin-1"}
    command = f"{sys.executable} -m qbwc_server.cli"
    done = subprocess.run(
        ["sh", "-c", f"{command} company list; {command} mapping show | head -n 1"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert "Müller ??".encode("latin-1") in done.stdout
    assert b"should not happen" not in done.stderr
    assert b"refuses" not in done.stderr
