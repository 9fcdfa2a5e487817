"""What lxml alone needs for a receiveResponseXML body: two trees and a look at each customer. Nothing is stored.

Run as a process of its own, so that no earlier parse has warmed or fragmented its memory:
`python -m tests.bench.floor FILE`; prints wall seconds and the number of customers seen.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lxml import etree

RESPONSE = "{http://developer.intuit.com/}response"
FIELDS = ("ListID", "EditSequence", "TimeModified", "FullName")


def customers_in(body: bytes) -> int:
    """How many CustomerRet; the envelope's tree, its text, the document's tree, a loop."""
    parser = etree.XMLParser(huge_tree=True)
    response = next(etree.fromstring(body, parser).iter(RESPONSE))
    document = etree.fromstring((response.text or "").encode(), parser)
    return sum(1 for one in document.iter("CustomerRet") if all(one.findtext(name) for name in FIELDS))


def main() -> None:
    body = Path(sys.argv[1]).read_bytes()
    started = time.perf_counter()
    seen = customers_in(body)
    print(time.perf_counter() - started, seen)


if __name__ == "__main__":
    main()
