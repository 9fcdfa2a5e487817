"""QWCLog.txt: the log that a support person reads, line for line in the real program's format (6.2)."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from qbwc_server.simulator.errors import SimulatorError

Level = Literal["NONE", "DEBUG", "VERBOSE"]
LEVELS: tuple[Level, ...] = ("NONE", "DEBUG", "VERBOSE")
DEBUG_CHARACTERS = 50
FILE_NAME = "QWCLog.txt"
MASKED = "<MaskedForSecurity"


class QwcLog:
    """Appends to one file; every line is opened, written and closed, so a killed program loses nothing."""

    def __init__(self, folder: Path, level: Level, clock: Callable[[], datetime], version: str) -> None:
        self.path = folder / FILE_NAME
        self.level = level
        self._clock = clock
        self._version = version

    def line(self, where: str, text: str) -> None:
        """where is the place in the real program, e.g. "SOAPWebService.do_authenticate"."""
        if self.level == "NONE":
            return
        if not self.path.exists():
            self._write(self._header())
        self._write(self._stamped(f"QBWebConnector.{where}() : {text}"))

    def xml(self, where: str, text: str, document: str) -> None:
        """A line with an XML dump below it: whole at VERBOSE, its first 50 characters at DEBUG."""
        dump = document if self.level == "VERBOSE" else document[:DEBUG_CHARACTERS]
        self.line(where, f"{text} / XML dump follows: -\n{dump}")

    def read(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    def _header(self) -> str:
        release = ".".join(self._version.split(".")[:2])
        return "".join(
            (
                self._stamped(f"Log file initialized at {self._now()}"),
                self._stamped("Timestamp format used: YYYYMMDD.HH:MM:SS UTC"),
                self._stamped(
                    f"QBWebConnector {release} has been initialized with its logging status to "
                    f"level = {self.level}."
                ),
            )
        )

    def _now(self) -> str:
        return self._clock().astimezone(UTC).strftime("%Y%m%d.%H:%M:%S UTC")

    def _stamped(self, text: str) -> str:
        return f"{self._now()}\t: {text}\n"

    def _write(self, text: str) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise SimulatorError(f"{self.path} cannot be written: {error.strerror}.", "QBWC1033") from error
