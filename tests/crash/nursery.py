"""Processes that begin with everything imported: forked from one that read the code and did nothing else.

Importing takes a second and a half, more than most processes of these tests live. What is forked then runs the very
commands of the product, in a session of its own, and dies of SIGKILL like any other. The nursery buries whatever dies
(also what a killed process leaves behind), counts its processor time, and kills all of it when its owner is gone.
"""

import ctypes
import gc
import json
import logging
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# What a server, a worker and a Web Connector import in their lives, as seen with `-X importtime`.
READ = (
    *(
        "qbwc_server.cli.root",
        "qbwc_server.cli.serving",
        "qbwc_server.console.status",
        "qbwc_server.soap.front",
    ),
    *("qbwc_server.soap.port", "qbwc_server.worker.embedded", "qbwc_server.simulator", "crm.salesforce"),
    *("zeep", "flask", "werkzeug.middleware.proxy_fix", "gunicorn.app.base", "gunicorn.workers.gthread"),
    *("psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite"),
    *("apscheduler.triggers.interval", "apscheduler.executors.pool", "alembic.command"),
)
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def possible() -> bool:
    """Whether this system can do it; elsewhere processes begin from nothing."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class Forked:
    """A process of the nursery, with as much of `subprocess.Popen` as is needed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._end = os.pidfd_open(pid)
        except ProcessLookupError:
            self._end = -1

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired. How it ended is not known."""
        ended = self._ended(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return ended

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def _ended(self, seconds: float | None) -> int | None:
        """Several hands may wait for one end."""
        return 0 if self._end < 0 or select.select([self._end], [], [], seconds)[0] else None

    def __del__(self) -> None:
        if self._end >= 0:
            os.close(self._end)


class Nursery:
    """Open between `with` and its end. Safe to share between threads. `read`: what is imported."""

    def __init__(self, read: Sequence[str] = READ) -> None:
        self._lock = threading.Lock()
        self._read = read

    def __enter__(self) -> Self:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), *self._read],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._answers = self._line.makefile()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answers.close()
        self._line.close()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, script: Path, arguments: Sequence[str], log: Path, environ: Mapping[str, str]) -> Forked:
        """A process that runs a Python file. `environ` comes on top of what this process has."""
        wanted = [str(script), list(arguments), str(log), {**os.environ, **environ}]
        return Forked(int(self._ask(["start", wanted])))

    def processor_seconds(self) -> dict[str, float]:
        """Command -> what those of its processes that are dead have used."""
        spent: dict[str, float] = self._ask(["spent", []])
        return spent

    def _ask(self, question: Any) -> Any:
        with self._lock:
            self._line.sendall(json.dumps(question).encode() + b"\n")
            return json.loads(self._answers.readline())


class _Keeper:
    """The nursery's own process."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.names: dict[int, str] = {}
        self.spent: Counter[str] = Counter()
        # A child that ends is told by a byte; a second wait is cheap, a lost one would leave a dead process.
        self.wake, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def keep(self) -> Callable[[], None] | None:
        """Until the owner hangs up; in a process that was begun, what it is to do."""
        with self.line.makefile() as questions:
            while True:
                ready, _, _ = select.select([self.line, self.wake], [], [])
                self.bury()
                if self.line not in ready:
                    os.read(self.wake, 4096)
                    continue
                text = questions.readline()
                if not text:
                    return None
                what, given = json.loads(text)
                if what == "start":
                    pid = _fork()
                    if not pid:
                        return lambda: self.begin(*given)
                    self.names[pid] = _name(given[1])
                    self.answer(pid)
                else:
                    self.answer(self.spent)

    def answer(self, value: Any) -> None:
        """An owner that hung up meanwhile is noticed at the next question."""
        with suppress(BrokenPipeError):
            self.line.sendall(json.dumps(value).encode() + b"\n")

    def bury(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, _, used = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                # Who was left behind by a dead process is a server's: nobody else has children.
                self.spent[self.names.pop(pid, "serve")] += used.ru_utime + used.ru_stime

    def kill_all(self) -> None:
        """Also what was left behind by the dead, and what these leave behind in turn."""
        with suppress(ChildProcessError):
            while True:
                for pid in _children():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                os.wait()

    def begin(self, script: str, arguments: list[str], log: str, environ: dict[str, str]) -> None:
        """As a new process would have it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for descriptor in (self.line.detach(), self.wake):
            os.close(descriptor)
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for standard in (1, 2):
            os.dup2(out, standard)
        os.close(out)
        os.environ.clear()
        os.environ.update(environ)
        random.seed()
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")


def _fork() -> int:
    """As os.fork; the child has a session of its own by then, so that it can be killed with all of it."""
    is_apart, apart = os.pipe()
    pid = os.fork()
    if not pid:
        os.setsid()
    os.close(apart)
    if pid:
        os.read(is_apart, 1)
    os.close(is_apart)
    return pid


def _leave(child: Callable[[], None]) -> None:
    """Without taking everything apart that was imported: that costs more than most of these processes do."""
    code: object = 0
    try:
        child()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else bool(code))


def _name(arguments: list[str]) -> str:
    known = [one for one in arguments if one in ("serve", "worker")]
    return known[0] if known else "connector"


def _children() -> list[int]:
    return [int(one) for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def main() -> None:
    line = socket.socket(fileno=int(sys.argv[1]))
    # Ctrl-C, and whatever else is told to the whole group, is for the owner, who then hangs up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError("this process cannot become a subreaper")
    for name in sys.argv[2:]:
        import_module(name)
    # What is here is here to stay: a child that looked through it for garbage would copy all of it.
    gc.collect()
    gc.freeze()
    keeper = _Keeper(line)
    child = keeper.keep()
    if child is None:
        keeper.kill_all()
    else:
        _leave(child)


if __name__ == "__main__":
    main()
