"""Two lanes for the text of an answer: usual records by their pattern, everything else by lxml's tree.

Directly below an answer element, records that a pattern matches are cut out of the text before lxml sees it. A
whole element less leaves a document as well-formed as it was, as long as no comment, CDATA section or instruction
is about; once one is, lxml reads all the rest.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import Final

from qbxml.growing import AnswerElement, Part, Tree
from qbxml.messages import Ret

# A longer record is lxml's, which does not look at its start again with each block.
_LONGEST: Final = 1 << 20
_LONGEST_TAG: Final = 8192
# So many more unusual records than usual ones in one answer, and its patterns are given up.
_PATIENCE: Final = 16
_NO_CONTROLS: Final = bytes({*range(0x100)} - {*range(0x20)} | {0x09, 0x0A, 0x0D})
# What only lxml reads or refuses, found quickly by a sign that is rare.
_MARKUP: Final = (("!", "<!"), ("?", "<?"), ("]", "]]>"), ("\ufffe", "\ufffe"), ("\uffff", "\uffff"))
_LONGEST_MARKUP: Final = 3
_ANSWER: Final = re.compile(r"<(\w++)(?<=Rs)(?:\s[^<>]*+)?(?<!/)>")
_RECORD: Final = re.compile(r"[ \t\n]*+<(\w+)>")
_UNFINISHED: Final = re.compile(r"[ \t\n]*+(?:<\w*)?")


class Lanes:
    """Reads the text of one answer, block by block."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")(), translate=True)
        self._text = ""
        self._answer: AnswerElement | None = None  # the one whose records come next in the text
        self._usual = 0
        self._open = True
        self._begun = False
        self._seam = ""

    def feed(self, block: bytes, *, last: bool = False) -> Iterator[Part]:
        """The parts that are complete with one more block of UTF-8. Raises UnicodeDecodeError."""
        fresh = self._decoder.decode(block, final=last)
        self._text += fresh
        self._open = self._open and self._is_plain(block, fresh)
        before = None
        while self._text and self._open and before != (len(self._text), self._answer):
            before = (len(self._text), self._answer)
            yield from self._records(self._answer) if self._answer else self._look_for_an_answer()
        if last or not self._open:
            yield from self._to_tree(len(self._text))

    def _is_plain(self, block: bytes, fresh: str) -> bool:
        """Whether the text has only elements, texts and references since its root element began."""
        if not self._begun:
            start = self._text.find("<QBXML")
            self._begun, fresh = start >= 0, self._text[start:]
        looked_at = self._seam + fresh
        self._seam = looked_at[1 - _LONGEST_MARKUP :]
        controls = block.translate(None, _NO_CONTROLS)
        marked = any(sign in looked_at and mark in looked_at for sign, mark in _MARKUP)
        return not controls and not (self._begun and marked)

    def _to_tree(self, end: int) -> Iterator[Part]:
        fed, self._text = self._text[:end], self._text[end:]
        if fed:
            yield from self._tree.feed(fed.encode())

    def _look_for_an_answer(self) -> Iterator[Part]:
        """Give the tree everything up to the start of the next answer, but not half a tag."""
        text = self._text
        if found := _ANSWER.search(text):
            yield from self._to_tree(found.end())
            self._answer, self._usual = self._tree.opened(found[1]), _PATIENCE
            return
        last = text.rfind("<")
        half = last >= 0 and text.find(">", last) < 0 and len(text) - last < _LONGEST_TAG
        yield from self._to_tree(last if half else len(text))

    def _records(self, answer: AnswerElement) -> Iterator[Part]:
        """The usual records at the start of the text, then what stands behind them."""
        text, at, count = self._text, 0, 0
        while opened := _RECORD.match(text, at):
            pattern = answer.pattern(opened[1])
            found = pattern.read(text, opened.start(1) - 1) if pattern else None
            if found is None:
                break
            values, at = found
            count += 1
            yield Ret(opened[1], values, answer.status)
        self._text = text[at:]
        self._usual += count
        yield from self._behind(answer, opened[1] if opened else "")

    def _behind(self, answer: AnswerElement, name: str) -> Iterator[Part]:
        """What is no usual record: one that has not arrived wholly, an unusual one, or no record at all."""
        end = self._text.find(f"</{name}>") if name else -1
        if name and end < 0 and len(self._text) < _LONGEST and answer.pattern(name):
            return
        if not name and len(self._text) < _LONGEST_TAG and _UNFINISHED.fullmatch(self._text):
            return
        self._answer = None
        if end >= 0 and answer.pattern(name) and self._usual:
            yield from self._unusual(answer, name, end + len(name) + len("</>"))

    def _unusual(self, answer: AnswerElement, name: str, end: int) -> Iterator[Part]:
        """One record through the tree; only a record that is surely closed with this lets the next ones be usual."""
        alone = self._text.count(f"<{name}", 0, end) == 1
        yield from self._to_tree(end)
        settled = list(self._tree.settle()) if alone else []
        yield from settled
        if settled:
            self._answer = answer
            self._usual -= 1
