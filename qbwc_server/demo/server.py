"""The real server and the real commands, as programs of their own."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue

START_SECONDS = 30
STOP_SECONDS = 15


class CommandFailed(Exception):
    """A command of the set-up did not work; the text is what it said."""


def environment(home: Path) -> dict[str, str]:
    """Ours, but for settings of another installation: a demonstration touches only its own home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QBWC_")}
    return inherited | {"QBWC_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def command(home: Path, *arguments: str, answer: str = "") -> str:
    """Run one `qbwc-server` command with `answer` on its standard input; what it printed."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "qbwc_server.cli", *arguments],
        input=answer,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(home),
        timeout=60,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise CommandFailed(f"qbwc-server {' '.join(arguments[:2])}: {said}")
    return done.stdout


class Server:
    """`qbwc-server run` on a free port of this computer."""

    def __init__(self, home: Path, *, break_soap: bool) -> None:
        self.log = home / "server.log"
        options = ["--break-soap"] if break_soap else []
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "qbwc_server.cli", "run", "--bind", "127.0.0.1:0", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(home),
                # Ctrl-C is for the demonstration, which then ends the server in order.
                start_new_session=True,
            )
        self.url = self._listening()

    def _listening(self) -> str:
        """Its address, from the line that it prints when it is ready."""
        lines: Queue[str] = Queue()
        out = self._process.stdout
        assert out is not None
        # A thread of its own, because reading a pipe cannot be told to give up.
        threading.Thread(target=lambda: lines.put(out.readline()), daemon=True).start()
        with suppress(Empty):
            if first := lines.get(timeout=START_SECONDS).strip():
                return "http://localhost:" + first.rpartition(":")[2]
        self.stop()
        raise CommandFailed(f"The server did not start. It wrote: {self.last_words()}")

    def stop(self) -> None:
        """End the process that was started here, and no other."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def last_words(self) -> str:
        return self.log.read_text("utf-8").strip()[-2000:] or "nothing"
