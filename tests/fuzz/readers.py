"""What reads bytes from elsewhere, one target each: given any bytes, only the documented refusals come out."""

from __future__ import annotations

import io
import json
import logging
import random
import sys
import tempfile
import tomllib
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import qbxml
from qbwc_server import mapping
from qbwc_server.errors import Problem
from qbwc_server.mapping import MappingError
from qbwc_server.secrets import KEY_FILE, SecretsUnusable, load_keys, mask
from qbwc_server.settings import FILE, load_settings
from qbwc_server.soap.identity import read_file
from qbwc_server.soap.qwc import OWNER_ID, QwcRefused, build_qwc
from tests.fuzz.mutations import PIECES
from tests.rows import FILE_ID
from tests.soap.recording import Recording, app, ask

SECRET: Final = "Tr0ub4dor-planted-3"
STATUSES: Final = (200, 400, 404, 405, 411, 413, 415, 500)
MAX_BYTES: Final = 150_000
# Steps of Python and bytes of memory for one input: so many at least, and so many for each of its bytes.
STEPS: Final = (60_000, 150)
MEMORY: Final = (12_000_000, 120)


def chance_of(data: bytes) -> random.Random:
    """The choices that belong to these bytes, so that an input is all that is needed to see a find again."""
    return random.Random(zlib.crc32(data))


# --- the SOAP endpoint before any session ---


_ENDPOINT = app(Recording(), max_bytes=MAX_BYTES)


def endpoint(data: bytes) -> None:
    """A body as it is, with headers that fit it or do not."""
    chance = chance_of(data)
    environ = {
        "CONTENT_TYPE": chance.choice(CONTENT_TYPES),
        "CONTENT_LENGTH": chance.choice(
            [str(len(data))] * 9 + ["0", "-1", str(len(data) + 5), "x", "٣", "9" * 30]
        ),
        "PATH_INFO": chance.choice(["", "", "/", "/qbwc", "/\xff", "//"]),
        "QUERY_STRING": chance.choice(["", "wsdl", "\xff=&", "%"]),
        "REMOTE_ADDR": chance.choice(["192.0.2.1", "", "x" * 500]),
        "wsgi.input": Broken(data) if chance.random() < 0.05 else io.BytesIO(data),
    }
    method = chance.choice(["POST"] * 20 + ["GET", "HEAD", "PUT", "", "\xff"])
    with logged(logging.DEBUG) as lines:
        reply = ask(_ENDPOINT, method, data, **environ)
    check_reply(method, reply.status, reply.headers, reply.body)
    check_log(lines.getvalue())


def check_log(text: str) -> None:
    """Nothing failed inside, and nothing secret was told."""
    for hidden in ("Traceback", "could not be answered", "failed:", SECRET):
        assert hidden not in text, text


CONTENT_TYPES: Final = (
    *["text/xml; charset=utf-8"] * 12,
    "text/xml", "TEXT/XML;charset=\"UTF-8\"", "text/xml; charset=utf-16", "text/xml; charset*=utf-8''utf-8", "",
    "application/soap+xml", "text/xml;" + "a=b;" * 300, "\xff\xfe", "text/xml; charset*0*=nonsense'x'%ff",
)  # fmt: skip


class Broken(io.BytesIO):
    """A line that breaks after its first block."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise ConnectionResetError
        return super().read(min(size or 0, 100))


def check_reply(method: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """A sentence or a proper fault, whatever came; never our own insides."""
    assert status in STATUSES, status
    assert body or method == "HEAD"
    for hidden in (b"Traceback", b'File "', SECRET.encode()):
        assert hidden not in body, body
    if status == 500:
        assert headers["content-type"] == "text/xml; charset=utf-8"
        assert ElementTree.fromstring(body).findtext(".//faultstring"), body
    if status == 200 and method == "POST":
        ElementTree.fromstring(body)


@contextmanager
def logged(level: int = logging.INFO) -> Iterator[io.StringIO]:
    """Everything that goes to the logs meanwhile."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield lines
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


# --- qbXML ---


def answer(data: bytes) -> None:
    """An answer of QuickBooks: parts, or UnreadableAnswer; and what the identity check makes of it."""
    for encoding in (None, "utf-8"):
        with suppress(qbxml.UnreadableAnswer):
            for part in qbxml.parse(data, encoding=encoding):
                assert isinstance(part, qbxml.SetStatus | qbxml.Status | qbxml.Ret)
    read_file(data.decode("utf-8", "replace"), "", "")


def request(data: bytes) -> None:
    """A request as QuickBooks' parser reads it; what it takes can be judged and told."""
    with suppress(qbxml.RefusedByParser):
        for one in qbxml.read_request(data).requests:
            qbxml.validate(one)


# --- what an operator writes ---


def override(data: bytes) -> None:
    """An override of a mapping."""
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(given, dict):
        with suppress(MappingError):
            mapping.load_profile("salesforce", given)


def settings(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / FILE).write_bytes(data)
        try:
            found = load_settings(Path(home))
        except Problem as refused:
            told = refused.text
            found = None
    if found is None:
        assert FILE in told
        return
    tomllib.loads(data.decode())
    assert found.max_bytes > 0
    assert found.database
    assert found.poll_every.total_seconds() > 0
    assert found.keep_exchanges.days > 0


def keys(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / KEY_FILE
        path.write_bytes(data)
        path.chmod(0o600)
        with suppress(SecretsUnusable):
            found = load_keys({}, Path(home))
            assert found.unseal(found.seal("text")) == "text"


def qwc(data: bytes) -> None:
    chance = chance_of(data)
    lines = [line.decode("utf-8", "surrogateescape") for line in data.split(b"\n")]

    def value(usual: str) -> str:
        return chance.choice([usual, usual, usual, *lines, chance.choice(PIECES).decode("latin-1")])

    with suppress(QwcRefused):
        text = build_qwc(
            app_name=value("Sync"),
            app_url=value("https://books.example.com/qbwc"),
            support_url=value("https://books.example.com/support"),
            user=value("shop"),
            owner_id=value(OWNER_ID),
            file_id=value(FILE_ID),
            description=value("Keeps books."),
            minutes=chance.choice([None, 1, 0, -1, 60]),
        )
        assert text.isascii()
        assert ElementTree.fromstring(text).findtext("OwnerID") is not None


def masked(data: bytes) -> None:
    """A password in a call is masked whatever stands before it."""
    before = data.decode("utf-8", "replace")
    assert "said-here" not in mask(f"{before}<strPassword>said-here</strPassword>")


Target = Callable[[bytes], None]
READERS: Final[Mapping[str, tuple[Target, str]]] = {
    "endpoint": (endpoint, "soap"),
    "answer": (answer, "answer"),
    "request": (request, "request"),
    "override": (override, "override"),
    "settings": (settings, "settings"),
    "keys": (keys, "keys"),
    "qwc": (qwc, "qwc"),
    "masked": (masked, "soap"),
}
"""Name -> target, and the kind of documents that it begins with."""


# --- what one input may cost ---


def steps_of(run: Target, data: bytes) -> int:
    """Calls of functions, ours and C's, that one input takes."""
    counted = 0

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run(data)
    finally:
        sys.setprofile(None)
    return counted


def memory_of(run: Target, data: bytes) -> int:
    """Bytes of Python's memory that one input takes at its height."""
    tracemalloc.start()
    try:
        run(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check_cost(run: Target, data: bytes) -> None:
    for what, (least, each), measure in (("steps", STEPS, steps_of), ("bytes", MEMORY, memory_of)):
        taken = measure(run, data)
        assert taken <= least + each * len(data), f"{taken} {what} for {len(data)} bytes"
