"""The simulated company file at scale: customers entered through its rules, and read back page by page.

Each size has a process of its own: `python -m tests.bench.company FILE CUSTOMERS` does the work and tells it in JSON.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from qbwc_server.simulator import CompanyFile
from qbwc_server.simulator.seed import seed_customers
from tests.bench.figures import Figure
from tests.bench.installations import Installations
from tests.bench.processes import PROC, ROOT
from tests.bench.sizes import Sizes

PAGE = 500
SEED = 1
SESSION = "bench"
HEAD = '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="continueOnError">'
ITERATOR = re.compile(r'iteratorRemainingCount="(\d+)" iteratorID="([^"]+)"')
LIST_ID = re.compile(r"<CustomerRet>\s*<ListID>([^<]+)<")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True)
class Done:
    """What one process did with one size; megabytes are what it grew by, seeding and paging together."""

    records: int
    seed_seconds: float
    page_seconds: float
    grown: float


def scale(_: Installations, sizes: Sizes) -> Iterator[Figure]:
    """One round: a hundred thousand customers take minutes."""
    with TemporaryDirectory(prefix="qbwc-bench-") as place:
        try:
            few, many = (_process(Path(place), count) for count in (sizes.few_seeded, sizes.many_seeded))
        except subprocess.CalledProcessError as failed:
            yield from (Figure(name, "", (), failed.stderr[-500:]) for name in NAMES)
            return
    said = f"{many.records} customers and jobs with addresses, in {{:.0f}} s"
    values = (
        many.records / many.seed_seconds,
        many.records / many.page_seconds,
        max(0.0, many.grown - few.grown),
    )
    notes = (
        said.format(many.seed_seconds),
        f"{said.format(many.page_seconds)}, {PAGE} a page",
        f"{few.records} records: {few.grown:.1f} MB, {many.records}: {many.grown:.1f} MB",
    )
    for name, unit, value, note in zip(NAMES, ("1/s", "1/s", "MB"), values, notes, strict=True):
        yield Figure(name, unit, (value,), note)


NAMES = ("company file, seeding", "company file, paging", "company file, memory of ten times as many")


def _process(place: Path, count: int) -> Done:
    command = [sys.executable, "-m", "tests.bench.company", str(place / f"{count}.sqlite"), str(count)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return Done(**json.loads(said))


# -- in the process of its own -----------------------------------------------------------------------------------


def work(file: Path, count: int) -> Done:
    """Raises ValueError unless the pages hold every customer once."""
    made = CompanyFile.create(file, company_name="Bench", timezone="America/New_York")
    with closing(made) as company:
        company.process(SESSION, f"{HEAD}<CustomerQueryRq/></QBXMLMsgsRq></QBXML>")
        rest = _peak()
        started = time.monotonic()
        seed_customers(company, count, SEED)
        seeded = time.monotonic()
        read = sum(len(page) for page in _pages(company))
        paged = time.monotonic()
        grown = _peak() - rest
        # Afterwards, for it needs memory itself.
        found = [one for page in _pages(company) for one in page]
        if read != len(found) or found != company.ids("Customer") or len(set(found)) != len(found):
            raise ValueError(f"the pages hold {len(set(found))} customers of {company.count('Customer')}")
    return Done(read, seeded - started, paged - seeded, grown)


def _pages(company: CompanyFile) -> Iterator[list[str]]:
    how = 'iterator="Start"'
    while how:
        request = f"<CustomerQueryRq {how}><MaxReturned>{PAGE}</MaxReturned></CustomerQueryRq>"
        answer = company.process(SESSION, f"{HEAD}{request}</QBXMLMsgsRq></QBXML>")
        yield LIST_ID.findall(answer)
        found = ITERATOR.search(answer)
        left, key = (int(found[1]), found[2]) if found else (0, "")
        how = f'iterator="Continue" iteratorID="{key}"' if left else ""


def _peak() -> float:
    """The most memory this process ever had, in megabytes."""
    found = PEAK.search((PROC / "self/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


if __name__ == "__main__":
    print(json.dumps(vars(work(Path(sys.argv[1]), int(sys.argv[2])))))
