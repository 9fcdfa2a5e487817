"""What the command line offers of the simulator, as plain functions: they return text or raise SimulatorError.

Every path may be a Path or a text. Nothing is printed here and nobody is asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.company.list_kinds import KINDS
from qbwc_server.simulator.company.people import TRANSACTIONS
from qbwc_server.simulator.connector import Options, UpdateResult, WebConnector
from qbwc_server.simulator.control import Control, serving
from qbwc_server.simulator.errors import ProcessError, SimulatorError
from qbwc_server.simulator.seed import fill as fill_company
from qbwc_server.simulator.seed import seed_customers
from qbwc_server.simulator.seed import seed_items as seed_company_items
from qbwc_server.simulator.seed import seed_sales as seed_company_sales

Place = Path | str
Columns = tuple[str, ...]
COLUMNS: Columns = ("FullName", "ListID", "IsActive", "Phone", "Email", "TotalBalance", "TimeModified")
LIST_COLUMNS: Columns = ("Name", "FullName", "ListID", "IsActive", "TimeModified")
TXN_COLUMNS: Columns = (
    "RefNumber",
    "TxnDate",
    "CustomerRef",
    "TxnID",
    "Subtotal",
    "TotalAmount",
    "BalanceRemaining",
    "TimeModified",
)


# -- company -----------------------------------------------------------------------------------------------------


def new(path: Place, name: str, timezone: str, *, edition: str = "Premier", country: str = "US") -> str:
    """timezone: an IANA name, as America/New_York."""
    made = CompanyFile.create(path, company_name=name, timezone=timezone, edition=edition, country=country)
    with closing(made) as company:
        return f"Company file {company.path} made for {company.name} ({company.timezone})."


def load(path: Place, xml_path: Place) -> str:
    with closing(CompanyFile.open(path)) as company:
        number = company.load(_read(xml_path))
        return f"{number} customers and jobs loaded into {company.path}."


def seed(path: Place, n: int, seed: int = 1) -> str:
    with closing(CompanyFile.open(path)) as company:
        added = seed_customers(company, n, seed)
        return f"{len(added)} customers entered into {company.path}."


def fill(path: Place, *, customers: int = 0, items: int = 0, invoices: int = 0, seed: int = 1) -> str:
    """What was entered, in a sentence."""
    with closing(CompanyFile.open(path)) as company:
        made = fill_company(company, customers=customers, items=items, invoices=invoices, seed=seed)
        counted = {
            "customers": made.customers,
            "jobs": made.jobs,
            "items": made.items,
            "invoices": made.invoices,
        }
        said = ", ".join(f"{number} {what}" for what, number in counted.items() if number)
        return f"{said} entered into {company.path}."


def seed_items(path: Place, n: int, seed: int = 1) -> str:
    with closing(CompanyFile.open(path)) as company:
        added = seed_company_items(company, n, seed)
        return f"{len(added)} items entered into {company.path}."


def seed_sales(path: Place, n: int, seed: int = 1) -> str:
    """Invoices, most of them paid; there must be customers and items."""
    with closing(CompanyFile.open(path)) as company:
        added = seed_company_sales(company, n, seed)
        return f"{len(added)} invoices entered into {company.path}."


def take_payment(path: Place, customer: str, amount: str, invoice: str | None = None) -> str:
    """customer: FullName or ListID; invoice: RefNumber or TxnID, None leaves the money unused."""
    with closing(CompanyFile.open(path)) as company:
        txn_id = company.take_payment(customer=customer, amount=amount, invoice=[invoice] if invoice else [])
        return f"Payment {txn_id} of {amount} taken from {customer}."


def merge(path: Place, source: str, target: str, kind: str = "Customer") -> str:
    with closing(CompanyFile.open(path)) as company:
        company.merge(source, target, kind)
        return f"{source} is merged into {target} and gone."


def records(path: Place, kind: str, name: str | None = None) -> str:
    """A whole list ("ItemService") or all transactions of a kind ("Invoice") as a table, or one of them in full."""
    if kind not in {**KINDS, **TRANSACTIONS}:
        known = ", ".join((*KINDS, *TRANSACTIONS))
        raise SimulatorError(f"{kind!r} is no kind of record that is kept here, only {known}.")
    with closing(CompanyFile.open(path)) as company:
        is_txn = kind in TRANSACTIONS
        columns = TXN_COLUMNS if is_txn else LIST_COLUMNS
        one, every = (company.txn, company.txns) if is_txn else (company.element, company.elements)
        if name is not None:
            return "\n".join(_lines(one(kind, name)))
        return "\n".join(_table([columns, *(_cells(row, columns) for row in every(kind))]))


def show(path: Place, customer: str | None = None) -> str:
    """All customers and jobs as a table, or one of them (by FullName or ListID) field by field."""
    with closing(CompanyFile.open(path)) as company:
        if customer is not None:
            return "\n".join(_lines(company.customer(customer)))
        rows = [COLUMNS, *(_cells(row, COLUMNS) for row in company.customers())]
        return "\n".join(
            [f"{company.name} ({company.path}), {len(rows) - 1} customers and jobs", *_table(rows)]
        )


def answer(path: Place, qbxml: str) -> str:
    """What QuickBooks answers to one request document; an HRESULT without an answer is a SimulatorError."""
    with closing(CompanyFile.open(path)) as company:
        session = company.begin_session("command line")
        try:
            return company.process(session, qbxml)
        except ProcessError as error:
            raise SimulatorError(f"QuickBooks gives no answer: {error}") from error


# -- connector ---------------------------------------------------------------------------------------------------


def connector_add(home: Place, qwc_path: Place, company_path: Place) -> str:
    with closing(CompanyFile.open(company_path)) as company:
        application = WebConnector(home, company).add(Path(qwc_path))
        return (
            f"{application.name} added. It will call {application.qwc.app_url} as "
            f"{application.qwc.user_name}; set its password next."
        )


def connector_password(home: Place, app: str, password: str) -> str:
    WebConnector(home).password(app, password)
    return f"Password of {app} stored in {home}, readable by you only."


def connector_update(
    home: Place, name: str | None = None, options: Options | None = None
) -> list[UpdateResult]:
    """Update Selected for one application, or for all of them one after another (name None)."""
    with closing(WebConnector(home, options=options)) as connector:
        return connector.update(None if name is None else [name])


def connector_auto_run(
    home: Place,
    name: str | None = None,
    every: int | None = None,
    times: int = 1,
    options: Options | None = None,
) -> list[UpdateResult]:
    """every: seconds between two runs, None = what the .qwc file asked for."""
    with closing(WebConnector(home, options=options)) as connector:
        return connector.auto_run(every, times, None if name is None else [name])


@contextmanager
def controlled(home: Place, company_path: Place, port: int) -> Iterator[int]:
    """A control port for the Web Connector in this folder and the company file; gives the port."""
    with (
        closing(CompanyFile.open(company_path)) as company,
        closing(WebConnector(home)) as connector,
        serving(Control(company, connector), port) as taken,
    ):
        yield taken


def connector_rows(home: Place) -> list[dict[str, Any]]:
    """The rows of the window; every in seconds, last_run in UTC."""
    registry = WebConnector(home).registry
    return [
        {
            "application": row.name,
            "every": row.every,
            "minimum": row.minimum,
            "password": "set" if registry.password(row.name) else "missing",
            "last_result": row.last_result,
            "last_run": row.last_run,
            "url": row.qwc.app_url,
            "user_name": row.qwc.user_name,
            "company": row.company,
        }
        for row in registry.applications().values()
    ]


def connector_remove(home: Place, app: str) -> str:
    with closing(WebConnector(home)) as connector:
        connector.remove(app)
        return f"{app} removed, and its stamp taken out of the company file."


def connector_every(home: Place, app: str, seconds: int) -> str:
    every = WebConnector(home).every(app, seconds)
    limit = "" if every == seconds else " That is the application's own limit."
    return f"{app} runs every {every} seconds when it runs by itself.{limit}"


def connector_log(home: Place) -> str:
    text = WebConnector(home).log.read()
    if not text:
        raise SimulatorError(f"There is no log in {home} yet. It is written by the first update.")
    return text


def results_text(results: Sequence[UpdateResult]) -> str:
    """One line per application: what its Status column shows, and the calls that were made."""
    return "\n".join(
        f"{'ok    ' if result.ok else 'FAILED'} {result.app_name}: {result.status} "
        f"[{' '.join(result.calls) or 'no call made'}]"
        for result in results
    )


# -- text --------------------------------------------------------------------------------------------------------


def _read(path: Place) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SimulatorError(f"{path} cannot be read: {error.strerror}.") from error


def _cells(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """A reference is shown by its name."""
    values = [row.get(column, "") for column in columns]
    return tuple(str(value["FullName"] if isinstance(value, Mapping) else value) for value in values)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _lines(values: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        if name[:1] == "#":
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                lines += [f"{indent}{name}:", *_lines(item, indent + "  ")]
            else:
                lines.append(f"{indent}{name}: {item}")
    return lines
