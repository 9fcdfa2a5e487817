"""Look at qbXML from a command line.

python -m qbxml check FILE...      one line per file; exit status 1 when a request is wrong or a file unreadable
python -m qbxml show FILE          a message as an indented outline
python -m qbxml describe NAME      the fields of a message or object (CustomerAddRq, CustomerAdd, CustomerRet)
python -m qbxml reference          the page of all messages (kept as MESSAGES.md)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from qbxml import tables
from qbxml.check import judge
from qbxml.outline import description, outline
from qbxml.reference import page
from qbxml.secure import UnsafeXmlError, read_tree


def check(names: Sequence[str]) -> int:
    worst = 0
    for name in names:
        try:
            verdict = judge(_read(name))
        except OSError as error:
            print(f"{name}: cannot be read: {error.strerror}")
            worst = 1
            continue
        print(f"{name}: {verdict.text}")
        worst = worst if verdict.good else 1
    return worst


def show(name: str) -> int:
    try:
        root = read_tree(_read(name).lstrip(b"\xef\xbb\xbf \t\r\n"))
    except OSError as error:
        return _sorry(f"{name} cannot be read: {error.strerror}")
    except UnsafeXmlError as error:
        return _sorry(f"{name} cannot be shown: {error}")
    print("\n".join(outline(root)))
    return 0


def describe(name: str) -> int:
    if not tables.has(name):
        near = get_close_matches(name, tables.names(), 4) or get_close_matches(f"{name}Rq", tables.names(), 4)
        hint = (
            f" Did you mean {', '.join(near)}?"
            if near
            else " Try a request (CustomerAddRq) or an object (CustomerRet)."
        )
        return _sorry(f"qbXML 13.0 has no {name}.{hint}")
    print("\n".join(description(name)))
    return 0


def reference() -> int:
    print(page(), end="")
    return 0


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _sorry(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status of one command line."""
    parser = argparse.ArgumentParser(prog="python -m qbxml", description="Look at qbXML.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checking = commands.add_parser("check", help="judge requests and answers, one line per file")
    checking.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    checking.set_defaults(run=lambda given: check(given.files))
    showing = commands.add_parser("show", help="print a message as an outline")
    showing.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    showing.set_defaults(run=lambda given: show(given.file))
    describing = commands.add_parser("describe", help="print the fields of a message or object")
    describing.add_argument("name", metavar="NAME", help="CustomerAddRq, CustomerAdd, CustomerRet ...")
    describing.set_defaults(run=lambda given: describe(given.name))
    referring = commands.add_parser("reference", help="print the page of all messages")
    referring.set_defaults(run=lambda _: reference())
    given = parser.parse_args(arguments)
    return int(given.run(given))


if __name__ == "__main__":
    sys.exit(main())
