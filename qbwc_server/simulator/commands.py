"""What the command line offers of the simulator, as plain functions: they return text or raise SimulatorError.

Every path may be a Path or a text. Nothing is printed here and nobody is asked.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.connector import Options, UpdateResult, WebConnector
from qbwc_server.simulator.errors import ProcessError, SimulatorError
from qbwc_server.simulator.seed import seed as seed_company

Place = Path | str
COLUMNS = ("FullName", "ListID", "IsActive", "Phone", "Email", "TotalBalance", "TimeModified")


# -- company -----------------------------------------------------------------------------------------------------


def new(path: Place, name: str, timezone: str) -> str:
    """timezone: an IANA name, as America/New_York."""
    with closing(CompanyFile.create(path, company_name=name, timezone=timezone)) as company:
        return f"Company file {company.path} made for {company.name} ({company.timezone})."


def load(path: Place, xml_path: Place) -> str:
    with closing(CompanyFile.open(path)) as company:
        number = company.load(_read(xml_path))
        return f"{number} customers and jobs loaded into {company.path}."


def seed(path: Place, n: int, seed: int = 1) -> str:
    with closing(CompanyFile.open(path)) as company:
        added = seed_company(company, n, seed)
        return f"{len(added)} customers entered into {company.path}."


def show(path: Place, customer: str | None = None) -> str:
    """All customers and jobs as a table, or one of them (by FullName or ListID) field by field."""
    with closing(CompanyFile.open(path)) as company:
        if customer is not None:
            return "\n".join(_lines(company.customer(customer)))
        rows = [
            COLUMNS,
            *(tuple(str(row.get(column, "")) for column in COLUMNS) for row in company.customers()),
        ]
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


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _lines(values: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                lines += [f"{indent}{name}:", *_lines(item, indent + "  ")]
            else:
                lines.append(f"{indent}{name}: {item}")
    return lines
