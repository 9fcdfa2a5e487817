"""Bytes near what is sent in earnest: kept documents, changed a little or much, each change from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
CORPUS: Final = Path(__file__).with_name("corpus")
LONGEST: Final = 200_000

# What breaks readers: marks of XML, JSON and TOML, other encodings, characters that nothing can carry, numbers at
# the ends of their types, and words that our own masks look for.
PIECES: Final = (
    b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?xml version='1.0' encoding='utf-16'?>", b"<?x?>",
    b"<!DOCTYPE a [<!ENTITY e 'ha'>]>", b"&e;", b"&amp;e;", b"&#0;", b"&amp;#0;", b"&#55296;", b"&#x110000;", b"\0",
    b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9", b"\xc3", b"\r", b"\n", b"\\", b'"', b"'",
    b' xsi:nil="true"', b' xmlns="urn:other"', b"<a>" * 70, b"</a>" * 70, b"<a/>" * 1100, b"x" * 70_000, b"1" * 5000,
    b"[" * 2000, b'{"a":' * 2000, b"{", b"}", b"=", b"a.b.c = 1\n", b"0x", b"-1", b"1e999999999", b"NaN", b"Infinity",
    b"99999999999999999999", b"2147483648", b"9999-12-31T23:59:59", b"0001-01-01T00:00:00+23:59", b"18.0%", b"null",
    b"true", b"\xe2\x80\xa8", b"\xd9\xa3", b"<strPassword>", b"&lt;ticket&gt;", b'password=a"b', b"cookie: a\"b",
    b"authenticateResult" * 400, b"%s%n{0}${x}", b"../../etc/passwd", b"'; DROP TABLE tickets; --",
)  # fmt: skip


def corpus(kind: str) -> list[bytes]:
    """The kept documents of a kind, in the order of their names."""
    return [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]


def mutated(
    chance: random.Random, seeds: Sequence[bytes], most: int = 6, others: Sequence[bytes] = ()
) -> bytes:
    """One document, changed up to `most` times; now and then not at all. `others` it may be spliced with as well."""
    data = chance.choice(seeds)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, most))):
        data = chance.choice(CHANGES)(chance, data, [*seeds, *others])[:LONGEST]
    return data


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    begin = chance.randint(0, len(data))
    return begin, min(len(data), begin + chance.choice((1, 2, 8, 40, 200)))


def _insert(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(PIECES) + data[at:]


def _insert_between(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """A piece where a value stands: behind a mark that ends a name."""
    places = [at + 1 for at, byte in enumerate(data) if byte in b'>"=:'] or [0]
    at = chance.choice(places)
    return data[:at] + chance.choice(PIECES) + data[at:]


def _replace_value(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """The whole of a value gives way to a piece."""
    mark = chance.choice((b">", b'"', b"= "))
    places = [at for at in range(len(data)) if data.startswith(mark, at)]
    if not places:
        return data
    begin = chance.choice(places) + len(mark)
    end = data.find(b"<" if mark == b">" else b'"' if mark == b'"' else b"\n", begin)
    return data[:begin] + chance.choice(PIECES) + (data[end:] if end >= 0 else b"")


def _remove(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _span(chance, data)
    return data[:begin] + data[end:]


def _repeat(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _span(chance, data)
    return data[:end] + data[begin:end] * chance.choice((1, 2, 50)) + data[end:]


def _repeat_element(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """A whole element once more, or one that was there is gone."""
    begins = [at for at in range(len(data)) if data[at : at + 1] == b"<" and data[at + 1 : at + 2].isalpha()]
    if not begins:
        return data
    begin = chance.choice(begins)
    name = data[begin + 1 :].split(b">")[0].split(b" ")[0].split(b"/")[0]
    end = data.find(b"</" + name + b">", begin)
    if end < 0:
        return data
    end += len(name) + 3
    return data[:end] + data[begin:end] * chance.choice((-1, 1, 2, 3)) + data[end:]


def _flip(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _splice(chance: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = chance.choice(seeds)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _encode(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(
        chance.choice(("utf-16", "utf-16-le", "utf-32", "cp1252")), "replace"
    )


Change = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
CHANGES: Final[Sequence[Change]] = (
    _insert, _insert_between, _insert_between, _replace_value, _replace_value, _replace_value, _remove, _repeat,
    _repeat_element, _repeat_element, _flip, _flip, _cut, _splice, _encode,
)  # fmt: skip
