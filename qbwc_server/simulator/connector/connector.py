"""The Web Connector: applications are added, given a password, and updated one after another."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.connector import qwc as qwc_file
from qbwc_server.simulator.connector.line import Line
from qbwc_server.simulator.connector.log import QwcLog
from qbwc_server.simulator.connector.options import Options
from qbwc_server.simulator.connector.quickbooks import QuickBooks
from qbwc_server.simulator.connector.qwc import Qwc
from qbwc_server.simulator.connector.reach import check_reachable
from qbwc_server.simulator.connector.registry import Application, Registry
from qbwc_server.simulator.connector.schedule import Schedule
from qbwc_server.simulator.connector.unconfirmed import chosen, positions, shown
from qbwc_server.simulator.connector.visit import UpdateResult, Visit
from qbwc_server.simulator.connector.wire import Service
from qbwc_server.simulator.errors import ProcessError, SimulatorError

NO_PASSWORD = "No password is set for this application. Type it into the Password cell first."  # noqa: S105
# Nobody with the right to do so has let the application in (5.2).
NOT_GRANTED = ("0x80040418", "0x8004041A", "0x80040420")
_LOCK_KEY = r"HKEY_CURRENT_USER\Software\Intuit\QBWebConnector\UpdateLock"


class WebConnector:
    """A Web Connector with its window's buttons as methods.

    home: the folder that keeps its applications, passwords and log between runs.
    company: the company file that is open in QuickBooks; None = the one each application was added with.
    """

    def __init__(
        self,
        home: Path | str,
        company: CompanyFile | Path | str | None = None,
        options: Options | None = None,
    ) -> None:
        self.home = Path(home)
        self.registry = Registry(self.home)
        given = options or Options()
        self.options = replace(given, unconfirmed=chosen(self.registry.rules(), given.unconfirmed))
        self.log = QwcLog(self.home, self.options.level, self.options.clock, self.options.version)
        self._opened: dict[str, CompanyFile] = {}
        self._company = self._open(str(company)) if isinstance(company, Path | str) else company
        self._one_at_a_time = threading.Lock()

    def add(self, source: Path | str | bytes) -> Application:
        """Add an Application: a .qwc file (a path, or its text).

        The same name again replaces the old one, or makes a clone with a 1 behind its name (5.2), as
        Options.replace_existing says; an AppUniqueName always replaces.

        Raises SimulatorError with the QBWC code for every check that the real program makes (5.2, 7).
        """
        unconfirmed = self.options.unconfirmed
        qwc = qwc_file.read(_content(source), refuses_bom=unconfirmed.refuses_bom)
        qwc = self._named(qwc)
        qwc_file.check_addresses(qwc, same_host_only=unconfirmed.same_host_only)
        check_reachable(qwc, self.options.timeout)
        company = self._company_to_add()
        replaced = self.registry.applications().get(qwc.registered_name)
        quickbooks = self._quickbooks(company, qwc)
        try:
            quickbooks.connect("")
            quickbooks.stamp(replaced.qwc if replaced else None)
        except ProcessError as error:
            code = "QBWC1039" if error.hresult in NOT_GRANTED else "QBWC1022"
            raise SimulatorError(
                f"QuickBooks could not be reached to register the application. {error}", code
            ) from error
        finally:
            quickbooks.disconnect()
        application = Application(qwc, str(company.path), qwc.run_every)
        self.registry.keep(application)
        return application

    def remove(self, name: str) -> None:
        """Removes the row and the FileID from the open company file (5.2)."""
        application = self.registry.application(name)
        self._quickbooks(self._company_of(application), application.qwc).remove_stamp()
        self.registry.remove(name)

    def password(self, app_name: str, password: str) -> None:
        """What the user types into the Password cell; nothing is trimmed (5.3)."""
        self.registry.set_password(app_name, password)

    def every(self, app_name: str, seconds: int) -> int:
        """What the user types into Every_Min; the application's own limit is the least it can be (2.5)."""
        return self.registry.set_every(app_name, seconds)

    def update(self, names: Iterable[str] | None = None) -> list[UpdateResult]:
        """Update Selected: the named applications (None = all), strictly one after another, in the order given.

        One that fails does not stop the rest. Raises SimulatorError for an unknown name or nothing to update.
        """
        chosen = list(self.registry.applications()) if names is None else list(names)
        if not chosen:
            raise SimulatorError("No application is selected for update.", "QBWC1016")
        applications = [self.registry.application(name) for name in chosen]
        results = [self._update_one(application, scheduled=False) for application in applications]
        self._log_failures(results)
        return results

    def auto_run(
        self, every: int | None = None, times: int = 1, names: Iterable[str] | None = None
    ) -> list[UpdateResult]:
        """Auto-Run: each application `times` times, every N seconds (None = the interval it was added with).

        An application may postpone a run (authenticate [2]) or raise its interval (authenticate [3]).
        """
        chosen = list(self.registry.applications()) if names is None else list(names)
        intervals = {name: self._interval(name, every) for name in chosen}
        schedule = Schedule(intervals, times, self.options)
        return [schedule.after(name, self._scheduled(name)) for name in schedule]

    def results_text(self) -> Sequence[tuple[str, str, str]]:
        """(name, last result, last run in UTC) of every row of the window."""
        return [(row.name, row.last_result, row.last_run) for row in self.registry.applications().values()]

    def rule(self, name: str, position: str | None = None) -> str:
        """The position of an open question, moved first when one is given; this home keeps it."""
        if position is not None:
            moved = chosen({name: position}, self.options.unconfirmed)
            self.options = replace(self.options, unconfirmed=moved)
            self.registry.set_rule(name, position)
        positions(name)
        return shown(getattr(self.options.unconfirmed, name))

    def close(self) -> None:
        """Closes the company files that were opened for their applications, not the one that was given."""
        for company in self._opened.values():
            company.close()
        self._opened.clear()

    def _named(self, qwc: Qwc) -> Qwc:
        """What the user answers to "replace or clone?"."""
        names = self.registry.applications()
        if self.options.replace_existing or qwc.app_unique_name:
            return qwc
        while qwc.app_name in names:
            qwc = replace(qwc, app_name=f"{qwc.app_name}1")
        return qwc

    # -- one application -------------------------------------------------------------------------------------

    def _scheduled(self, name: str) -> UpdateResult:
        self.log.line(
            "WebServiceManager.UpdateThisScheduledApp",
            f"Performing SCHEDULED UPDATE for application = '{name}'",
        )
        application = self.registry.applications().get(name)
        if application is None:
            gone = SimulatorError(
                "The application is not in the registry any more. Add it again.", "QBWC1032"
            )
            self.log.line("WebServiceManager.UpdateThisScheduledApp", str(gone))
            return UpdateResult(name, ok=False, status=str(gone), calls=[], code=gone.code)
        result = self._update_one(application, scheduled=True)
        if not result.ok:
            self.log.line(
                "WebServiceManager.UpdateThisScheduledApp",
                "QBWC1031: Update completed with some error. See QWCLog for further information.",
            )
        return result

    def _update_one(self, application: Application, *, scheduled: bool) -> UpdateResult:
        try:
            password = self.registry.password(application.name)
        except SimulatorError as error:
            return self._not_begun(application, error)
        if not password:
            return self._not_begun(application, SimulatorError(NO_PASSWORD, "QBWC1030"))
        with self._one_at_a_time, self.registry.update_lock():
            self._log_start(application)
            try:
                result = self._visit(application, password, scheduled=scheduled).run()
            finally:
                self._log_lock(
                    "setUpdateLock", "********************* Update session unlocked *********************"
                )
        return self._remember(application, result)

    def _not_begun(self, application: Application, error: SimulatorError) -> UpdateResult:
        """No SOAP call is made (5.3)."""
        return self._remember(
            application,
            UpdateResult(application.name, ok=False, status=str(error), calls=[], code=error.code),
        )

    def _visit(
        self, application: Application, password: str, *, scheduled: bool, computer: str = ""
    ) -> Visit:
        """computer: "" = this PC; a second Web Connector may stand on another one."""
        options = replace(self.options, computer=computer) if computer else self.options
        company = self._company_of(application)
        quickbooks = self._quickbooks(company, application.qwc, options.computer)
        line = Line(
            Service(application.qwc.app_url, options.timeout, options.unconfirmed, application.qwc.style),
            company.faults,
            options.wait,
            lambda other: self._second(application, password, other),
        )
        return Visit(application, password, quickbooks, line, self.log, options, scheduled=scheduled)

    def _second(self, application: Application, password: str, computer: str) -> None:
        """A whole run of another Web Connector that was given the same password."""
        here = computer in ("SAME", self.options.computer)
        self._visit(
            application, password, scheduled=False, computer=self.options.computer if here else computer
        ).run()

    def _remember(self, application: Application, result: UpdateResult) -> UpdateResult:
        run = self.options.clock().astimezone(UTC).isoformat(timespec="seconds")
        self.registry.remember_run(application.name, result.status, run, result.minimum)
        return result

    def _interval(self, name: str, every: int | None) -> int:
        interval = every if every is not None else self.registry.application(name).every
        if interval is None:
            raise SimulatorError(f"{name} has no schedule. Say how many seconds to leave between two runs.")
        return interval

    # -- QuickBooks ------------------------------------------------------------------------------------------

    def _quickbooks(self, company: CompanyFile, qwc: Qwc, computer: str = "") -> QuickBooks:
        return QuickBooks(
            company,
            qwc,
            computer or self.options.computer,
            self.options.clock,
            takes_over_own_lock=self.options.unconfirmed.takes_over_own_lock,
        )

    def _company_to_add(self) -> CompanyFile:
        if self._company is None:
            raise SimulatorError(
                "No company file is open. Open the one that the application is for.", "QBWC1022"
            )
        return self._company

    def _company_of(self, application: Application) -> CompanyFile:
        if self._company is not None:
            return self._company
        return self._open(application.company)

    def _open(self, path: str) -> CompanyFile:
        if path not in self._opened:
            self._opened[path] = CompanyFile.open(path, self.options.clock)
        return self._opened[path]

    # -- log -------------------------------------------------------------------------------------------------

    def _log_start(self, application: Application) -> None:
        self.log.line(
            "WebServiceManager.DoUpdateSelected",
            f"updateWS() for application = '{application.name}' has STARTED",
        )
        self._log_lock("getUpdateLock", f"{_LOCK_KEY} = FALSE")
        self._log_lock("setUpdateLock", "********************* Update session locked *********************")
        self.log.line(
            "SOAPWebService.instantiateWebService", "Initiated connection to the following application."
        )
        self.log.line("SOAPWebService.instantiateWebService", f"AppURL: {application.qwc.app_url}")

    def _log_lock(self, method: str, text: str) -> None:
        self.log.line(f"RegistryManager.{method}", text)

    def _log_failures(self, results: Sequence[UpdateResult]) -> None:
        failed = [result.app_name for result in results if not result.ok]
        if failed and len(results) > 1:
            self.log.line(
                "WebServiceManager.DoUpdateSelected",
                f"QBWC1017: These applications failed to update: {', '.join(failed)}",
            )


def _content(source: Path | str | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str) and source.lstrip().startswith("<"):
        return source.encode("utf-8")
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise SimulatorError(f"{source} cannot be read: {error.strerror}.") from error
