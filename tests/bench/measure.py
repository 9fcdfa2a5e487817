"""Three paths that matter: a small SOAP call, a visit with nothing to do, and a page of 1,000 customers.

Run it with `make bench`; ARGS="--rounds 20" for steadier figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import qbxml
from qbwc_server import app as product
from qbwc_server.app import Installation
from qbwc_server.logs import set_up_logs
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.store import records
from qbxml import Ret, Status
from tests.bench.caller import Caller
from tests.rows import COMPANY, FILE_ID
from tests.soap.quickbooks_answers import answer, canned
from tests.wired import PASSWORD, introduce

CUSTOMERS = 1000
IDENTITY = {"fileid": FILE_ID, "ownerid": OWNER_ID}
HCP = canned("hcp.xml", IDENTITY)


@dataclass(frozen=True)
class Figure:
    """Milliseconds of one path over all rounds; `megabytes` is the size of the SOAP body it took in."""

    path: str
    rounds: int
    median_ms: float
    worst_ms: float
    megabytes: float = 0.0

    @classmethod
    def of(cls, path: str, seconds: list[float], size: int = 0) -> Figure:
        milliseconds = [one * 1000 for one in seconds]
        median, worst = statistics.median(milliseconds), max(milliseconds)
        return cls(path, len(seconds), round(median, 2), round(worst, 2), round(size / 1e6, 2))


@contextmanager
def installation(*, crm_was_read: bool = True) -> Iterator[Installation]:
    """One company and one organisation on SQLite; no CRM is called."""
    with tempfile.TemporaryDirectory() as home:
        product.create_installation(Path(home) / "home")
        opened = product.open_installation(Path(home) / "home")
        introduce(opened, "http://127.0.0.1:1", {"consumer_key": "key", "consumer_secret": "secret"})
        if crm_was_read:
            _say_the_crm_was_read(opened)
        try:
            yield opened
        finally:
            opened.close()


def _say_the_crm_was_read(opened: Installation) -> None:
    now = opened.clock()
    with opened.database.write() as tx:
        for kind in ("account", "contact"):
            records.move_watermark(tx, "org", "crm", kind, now.isoformat(), now, complete=True)


def small_call(rounds: int) -> list[Figure]:
    with installation() as opened:
        caller = Caller(opened.web())
        caller.log_in(COMPANY.user_name, PASSWORD)
        paths: dict[str, Callable[[], object]] = {
            "small call without a session (serverVersion)": lambda: caller.call("serverVersion"),
            "small call with its session (getLastError)": lambda: caller.call(
                "getLastError", ticket=caller.ticket
            ),
        }
        return [
            Figure.of(path, [timed(caller, work) for _ in range(rounds * 20)]) for path, work in paths.items()
        ]


def timed(caller: Caller, work: Callable[[], object]) -> float:
    before = caller.seconds
    work()
    return caller.seconds - before


def idle_visit(rounds: int) -> list[Figure]:
    with installation() as opened:
        caller = Caller(opened.web())
        visit(caller, lambda request: answer(request, IDENTITY))  # the first read is not idle
        seconds = [
            timed(caller, lambda: visit(caller, lambda request: answer(request, IDENTITY)))
            for _ in range(rounds)
        ]
        return [Figure.of("idle visit, login to goodbye", seconds)]


def visit(caller: Caller, answer_to: Callable[[str], str]) -> None:
    caller.log_in(COMPANY.user_name, PASSWORD)
    percent, hcp = 0, HCP
    while percent < 100:
        percent, hcp = caller.receive(answer_to(caller.send(hcp))), ""
    caller.close()


def page_of_customers(rounds: int) -> list[Figure]:
    paths = {
        f"{CUSTOMERS} customers stored, the CRM not yet read": False,
        f"{CUSTOMERS} customers stored and decided": True,
    }
    return [_page(path, rounds, crm_was_read=read) for path, read in paths.items()]


def _page(path: str, rounds: int, *, crm_was_read: bool) -> Figure:
    seconds: list[float] = []
    size = 0
    for _ in range(max(1, rounds // 3)):
        with installation(crm_was_read=crm_was_read) as opened:
            caller = Caller(opened.web())
            caller.log_in(COMPANY.user_name, PASSWORD)
            page = customers_for(caller.send(HCP))
            size = len(page)
            seconds.append(timed(caller, lambda caller=caller, page=page: caller.receive(page)))  # type: ignore[misc]
    return Figure.of(path, seconds, size)


def customers_for(request: str) -> str:
    """The last page of a customer query, in place of the one that was asked for."""
    (query,) = qbxml.read_request(request).requests
    status = Status("CustomerQueryRs", query.request_id, 0, "Info", "Status OK", CUSTOMERS, None, 0)
    rets = [Ret("CustomerRet", _customer(number), status) for number in range(CUSTOMERS)]
    return qbxml.build_answer([(status, rets)])


def _customer(number: int) -> dict[str, object]:
    name = f"Customer {number:05} of Many"
    street = {"Addr1": name, "Addr2": f"{number} Main Street", "City": "Springfield", "State": "IL"}
    address = {**street, "PostalCode": "62701", "Country": "USA"}
    return {
        "ListID": f"{0x80000001 + number:08X}-1700000000",
        "TimeCreated": "2026-01-05T09:00:00-05:00",
        "TimeModified": "2026-01-05T09:00:00-05:00",
        "EditSequence": "1767621600",
        "Name": name,
        "FullName": name,
        "IsActive": True,
        "Sublevel": 0,
        "CompanyName": name,
        "FirstName": "Ann",
        "LastName": "Baker",
        "BillAddress": address,
        "ShipAddress": address,
        "Phone": f"555-{number:04}",
        "Email": f"ann.{number}@example.com",
        "Balance": "0.00",
        "TotalBalance": "0.00",
        "JobStatus": "None",
    }


def table(figures: list[Figure]) -> str:
    head = f"{'path':<52} {'rounds':>6} {'median ms':>10} {'worst ms':>10} {'MB':>6}"
    rows = [
        f"{one.path:<52} {one.rounds:>6} {one.median_ms:>10.2f} {one.worst_ms:>10.2f} "
        + (f"{one.megabytes:>6.2f}" if one.megabytes else f"{'':>6}")
        for one in figures
    ]
    return "\n".join([head, "-" * len(head), *rows])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    rounds = options.parse_args().rounds
    set_up_logs("ERROR")
    figures = [one for measure in (small_call, idle_visit, page_of_customers) for one in measure(rounds)]
    print(table(figures))
    machine = {"python": sys.version.split()[0], "database": "sqlite"}
    print(json.dumps(machine | {"figures": [asdict(one) for one in figures]}))


if __name__ == "__main__":
    main()
