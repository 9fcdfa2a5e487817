"""What QuickBooks answered, as the Web Connector posted it: a document that may be too long for the memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

IN_MEMORY: Final = 256 * 1024
BLOCK: Final = 64 * 1024


class Posted:
    """A qbXML document in UTF-8, in memory while it is short and in a nameless file from then on.

    Write it once, then open() it as often as need be, one reader after the other; close() drops the file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: BinaryIO = BytesIO()
        self.size = 0

    @classmethod
    def of(cls, text: str) -> Posted:
        """A document that is at hand as a text, and so stays in memory."""
        posted = cls()
        posted.size = posted._file.write(text.encode())
        return posted

    def write(self, text: str) -> None:
        before = self.size
        self.size += self._file.write(text.encode())
        if before <= IN_MEMORY < self.size:
            self._to_file()

    def _to_file(self) -> None:
        beginning = self.open()
        self._file = cast(BinaryIO, TemporaryFile(dir=self._folder))  # noqa: SIM115 - closed by close()
        copyfileobj(beginning, self._file)

    def open(self) -> BinaryIO:
        """The bytes from the beginning; another reader is at the beginning as well from then on."""
        self._file.seek(0)
        return self._file

    def texts(self, size: int = BLOCK) -> Iterator[str]:
        """The document in texts of about `size` bytes."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        file = self.open()
        while block := file.read(size):
            yield decoder.decode(block)

    def close(self) -> None:
        self._file.close()
