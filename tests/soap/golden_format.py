"""Golden wire files: what they consist of and how one is read. golden/README.md describes the format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

GOLDEN = Path(__file__).resolve().parent / "golden"
PATHS = ("wsgi", "tcp", "spyne")


class World(Protocol):
    """An endpoint in a known condition (worlds.md), reached over one path."""

    @property
    def values(self) -> Mapping[str, str]:
        """What the world tells about itself: path, support, url, fileid, ownerid, expired."""

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """One HTTP exchange with exactly these headers, nothing followed, decoded or repeated."""

    def close(self) -> None: ...


class WorldMaker(Protocol):
    """The fixture `soap_world`: builds the named world, reached over one of PATHS."""

    def __call__(self, name: str, path: str = "wsgi") -> World: ...


class FormatError(ValueError):
    """A golden file that cannot be read: says which file and why."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: tuple[tuple[str, str | None], ...]  # None takes a header of the client away
    body: str
    enveloped: bool
    encoding: str


@dataclass(frozen=True)
class Reply:
    statuses: tuple[int, ...]
    headers: tuple[tuple[str, str | None], ...]
    body: str
    enveloped: bool


@dataclass(frozen=True)
class Exchange:
    request: Request
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class Repeat:
    """The last so many exchanges once more: a number of times, or until receiveResponseXML says 100."""

    last: int
    times: int | None


@dataclass(frozen=True)
class Case:
    name: str
    world: str
    paths: tuple[str, ...]
    notes: Mapping[str, str]
    steps: tuple[Exchange | Repeat, ...]


NOTE = re.compile(r"# (source|world|first|path|why|unconfirmed): (.*)")
SECTION = re.compile(r"^=== (.+)\n", re.MULTILINE)
REQUEST_TITLE = re.compile(r"(raw )?request(?: in ([\w-]+))?")
REPLY_TITLE = re.compile(r"(raw )?(?:reply|or)")
REPEAT_TITLE = re.compile(r"repeat last (\d+) (?:times (\d+)|until 100)")


def load(file: Path) -> Case:
    """One golden file, with the exchanges of the files it comes after put before its own."""
    head, *sections = SECTION.split(file.read_text("utf-8"))
    notes = _notes(file, head)
    firsts = notes.get("first", "").split()
    before = chain.from_iterable(load(file.with_name(name)).steps for name in firsts)
    steps = (*before, *_steps(file, sections))
    if not steps or any(isinstance(step, Exchange) and not step.replies for step in steps):
        raise FormatError(f"{file.name}: every request needs a reply")
    return Case(file.stem, notes["world"], tuple(notes.get("path", " ".join(PATHS)).split()), notes, steps)


def load_all() -> tuple[Case, ...]:
    return tuple(load(file) for file in sorted(GOLDEN.glob("*.txt")))


def _notes(file: Path, head: str) -> dict[str, str]:
    notes: dict[str, str] = {}
    key = ""
    for line in filter(None, head.splitlines()):
        if found := NOTE.fullmatch(line):
            key, text = found.groups()
        elif line.startswith("# ") and key:
            text = line[2:]
        else:
            raise FormatError(f"{file.name}: not a header comment: {line}")
        notes[key] = f"{notes.get(key, '')} {text}".strip()
    if not {"source", "world"} <= notes.keys():
        raise FormatError(f"{file.name}: needs a source and a world")
    return notes


def _steps(file: Path, sections: Sequence[str]) -> list[Exchange | Repeat]:
    steps: list[Exchange | Repeat] = []
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        if found := REQUEST_TITLE.fullmatch(title):
            steps.append(Exchange(_request(text, not found[1], found[2] or "utf-8"), ()))
        elif found := REPEAT_TITLE.fullmatch(title):
            steps.append(Repeat(int(found[1]), int(found[2]) if found[2] else None))
        elif (found := REPLY_TITLE.fullmatch(title)) and steps and isinstance(last := steps[-1], Exchange):
            steps[-1] = Exchange(last.request, (*last.replies, _reply(text, not found[1])))
        else:
            raise FormatError(f"{file.name}: a section out of place: {title}")
    return steps


def _request(text: str, enveloped: bool, encoding: str) -> Request:
    line, headers, body = _parts(text)
    method, target = line.split(" ")
    enveloped = enveloped and method == "POST"
    joined = re.sub(r"\s*\n\s*", "", body) if enveloped else body
    return Request(method, target, headers, joined, enveloped, encoding)


def _reply(text: str, enveloped: bool) -> Reply:
    line, headers, body = _parts(text)
    return Reply(tuple(int(status) for status in line.split("|")), headers, body, enveloped)


def _parts(text: str) -> tuple[str, tuple[tuple[str, str | None], ...], str]:
    head, _, body = text.partition("\n\n")
    first, *rest = head.strip().splitlines()
    return first, tuple(_header(line) for line in rest), body.rstrip("\n")


def _header(line: str) -> tuple[str, str | None]:
    if line.startswith("-"):
        return line[1:], None
    name, _, value = line.partition(": ")
    return name, value
