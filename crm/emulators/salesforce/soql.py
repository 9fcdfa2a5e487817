"""SOQL text to a tree. Names are not looked up here; see `soql_plan.py`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from .errors import ApiError, not_emulated
from .times import parse_date, parse_stamp

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<stamp>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = dict(zip("nNrRtTbBfF\\'\"", "\n\n\r\r\t\t\b\b\f\f\\'\"", strict=True))
_NOT_EMULATED = ("group", "having", "with", "for", "using", "typeof", "all")
_KEYWORDS = ("where", "order", "limit", "offset", *_NOT_EMULATED)

# How much of a query an error message shows around the place it points to.
_BEFORE, _AFTER = 32, 38
_T = TypeVar("_T")
Literal = str | int | Decimal | bool | date | datetime | None


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The token as a keyword; quoted texts never are one."""
        return "" if self.kind == "string" else self.text.lower()


@dataclass(frozen=True)
class Path:
    """A field as written, `Name` or `Owner.Name`, and where it stands."""

    text: str
    at: int


@dataclass(frozen=True)
class Comparison:
    path: Path
    # =, !=, <, <=, >, >=, like, in, not in
    operator: str
    operands: tuple[Literal, ...]


@dataclass(frozen=True)
class Junction:
    """`and` / `or` over several conditions, or `not` over one."""

    word: str
    parts: tuple["Condition", ...]


Condition = Comparison | Junction


@dataclass(frozen=True)
class Order:
    path: Path
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Nested:
    """A subquery in the select list: rows below each row."""

    query: "Query"
    at: int


@dataclass(frozen=True)
class Query:
    text: str
    # Empty for COUNT().
    fields: tuple[Path | Nested, ...]
    object: Path
    alias: str = ""
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """Raises MALFORMED_QUERY for what is not SOQL, NOT_EMULATED (501) for SOQL beyond this subset."""
    return _Parser(text).query()


def refusal(text: str, at: int, code: str, sentence: str) -> ApiError:
    """The vendor's form: some of the query, a caret under the place, the place, the sentence."""
    start = max(0, at - _BEFORE)
    line = text[start : at + _AFTER].replace("\n", " ")
    message = f"\n{line}\n{' ' * (at - start)}^\nERROR at Row:1:Column:{at + 1}\n{sentence}"
    return ApiError(400, code, message)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._next = 0

    def query(self) -> Query:
        found = self._query()
        if self._peek.kind != "end":
            raise self._beyond_or_unexpected()
        return found

    def _query(self) -> Query:
        self._expect("select")
        fields = self._fields()
        self._expect("from")
        target = self._path()
        alias = self._alias()
        clauses = (self._where(), self._order(), self._number_after("limit"), self._number_after("offset"))
        where, order, limit, offset = clauses
        return Query(self._text, fields, target, alias, where, order, limit, offset or 0)

    # the select list

    def _fields(self) -> tuple[Path | Nested, ...]:
        if self._peek.word in ("count", "fields") and self._ahead(1).text == "(":
            return self._function()
        return tuple(self._listed(self._selected))

    def _function(self) -> tuple[Path | Nested, ...]:
        name = self._take()
        self._expect("(")
        if name.word == "fields" or self._peek.text != ")":
            raise not_emulated(f"{name.text.upper()}(...) with an argument")
        self._expect(")")
        return ()

    def _selected(self) -> Path | Nested:
        if self._peek.text == "(":
            return self._nested()
        if self._peek.word == "typeof" or self._ahead(1).text == "(":
            raise not_emulated(f"{self._peek.text} in the select list")
        return self._path()

    def _nested(self) -> Nested:
        at = self._take().at
        inner = self._query()
        if not self._skip(")"):
            raise self._beyond_or_unexpected()
        if not inner.fields or any(isinstance(each, Nested) for each in inner.fields):
            raise not_emulated("COUNT() or a further subquery inside a subquery")
        return Nested(inner, at)

    def _alias(self) -> str:
        if self._peek.kind == "name" and self._peek.word not in _KEYWORDS:
            return self._take().text
        return ""

    # conditions: AND and OR may not be mixed without parentheses, as in SOQL

    def _where(self) -> Condition | None:
        return self._conditions() if self._skip("where") else None

    def _conditions(self) -> Condition:
        parts = [self._condition()]
        word = self._peek.word
        while self._peek.word in ("and", "or"):
            if self._peek.word != word:
                raise self._unexpected()
            self._take()
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _condition(self) -> Condition:
        if self._skip("not"):
            return Junction("not", (self._condition(),))
        if self._skip("("):
            inner = self._conditions()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        path = self._path()
        if self._peek.text == "(":
            raise not_emulated(f"The function {path.text}() in a condition")
        operator = self._operator()
        if operator in ("in", "not in"):
            return Comparison(path, operator, self._set())
        if operator in ("includes", "excludes"):
            raise not_emulated(f"{operator.upper()} of multi-select picklists")
        return Comparison(path, operator, (self._literal(wildcards=operator == "like"),))

    def _operator(self) -> str:
        token = self._take()
        if token.word == "not":
            self._expect("in")
            return "not in"
        if token.text in ("=", "!=", "<>", "<", "<=", ">", ">="):
            return "!=" if token.text == "<>" else token.text
        if token.word in ("like", "in", "includes", "excludes"):
            return token.word
        raise self._unexpected(token)

    def _set(self) -> tuple[Literal, ...]:
        self._expect("(")
        if self._peek.word == "select":
            raise not_emulated("A semi-join")
        listed = self._listed(self._literal)
        self._expect(")")
        return tuple(listed)

    def _literal(self, *, wildcards: bool = False) -> Literal:
        token = self._take()
        if token.kind == "string":
            return self._unquoted(token, wildcards)
        if token.kind in _LITERALS:
            value = _LITERALS[token.kind](token.text)
            if value is not None:
                return value
        elif token.word in _WORDS:
            return _WORDS[token.word]
        elif token.kind == "name":
            raise not_emulated(f"The date literal or bind variable {token.text}")
        raise self._unexpected(token)

    def _unquoted(self, token: Token, wildcards: bool) -> str:
        """The text between the quotes. `\\%` and `\\_` are escapes of LIKE, which takes them as they are."""

        def plain(match: re.Match[str]) -> str:
            if match[1] in "%_":
                return match[0] if wildcards else match[1]
            if match[1] not in _ESCAPES:
                raise _bad_escape(token, match[0])
            return _ESCAPES[match[1]]

        return re.sub(r"\\(.)", plain, token.text[1:-1], flags=re.DOTALL)

    # the rest

    def _order(self) -> tuple[Order, ...]:
        if not self._skip("order"):
            return ()
        self._expect("by")
        return tuple(self._listed(self._order_key))

    def _order_key(self) -> Order:
        path = self._path()
        descending = self._skip("desc") or (self._skip("asc") and False)
        last = False
        if self._skip("nulls"):
            last = self._skip("last")
            if not last:
                self._expect("first")
        return Order(path, descending, last)

    def _number_after(self, word: str) -> int | None:
        if not self._skip(word):
            return None
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            raise self._unexpected(token)
        return int(token.text)

    # tokens

    def _split(self) -> list[Token]:
        tokens, at, end = [], 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at, end)
            if match is None or match.lastgroup is None:
                place = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                raise refusal(
                    self._text, place, "MALFORMED_QUERY", f"unexpected token: '{self._text[place]}'"
                )
            tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        return [*tokens, Token("end", "<EOF>", end), Token("end", "<EOF>", end)]

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _ahead(self, places: int) -> Token:
        return self._tokens[min(self._next + places, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _skip(self, word: str) -> bool:
        found = self._peek.word == word
        if found:
            self._take()
        return found

    def _expect(self, word: str) -> None:
        if not self._skip(word):
            raise self._unexpected()

    def _path(self) -> Path:
        token = self._take()
        if token.kind != "name":
            raise self._unexpected(token)
        return Path(token.text, token.at)

    def _listed(self, one: Callable[[], _T]) -> list[_T]:
        found = [one()]
        while self._skip(","):
            found.append(one())
        return found

    def _beyond_or_unexpected(self) -> ApiError:
        if self._peek.word in _NOT_EMULATED:
            return not_emulated(f"The SOQL clause {self._peek.text.upper()}")
        return self._unexpected()

    def _unexpected(self, token: Token | None = None) -> ApiError:
        token = token or self._peek
        return refusal(self._text, token.at, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")


def _bad_escape(token: Token, sequence: str) -> ApiError:
    text = f"Invalid string literal {token.text}. Illegal character sequence '{sequence}' in string literal."
    return ApiError(400, "MALFORMED_QUERY", text)


def _numeric(text: str) -> Literal:
    return Decimal(text) if "." in text else int(text)


_LITERALS: dict[str, Callable[[str], Literal]] = {
    "stamp": parse_stamp,
    "date": parse_date,
    "number": _numeric,
}
_WORDS: dict[str, Literal] = {"null": None, "true": True, "false": False}
