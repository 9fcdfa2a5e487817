"""The Web Connector's own dealings with QuickBooks: session, company file lock, FileID stamp, preflight (3.3)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import qbxml
from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.connector.qwc import Qwc
from qbwc_server.simulator.errors import ProcessError, SimulatorError

LOCK_NAME = "AppLock"
STAMP_NAME = "FileID"
EDITION_EXCLUDED = ("0x80040421", "This application does not support this edition of QuickBooks.")
_DOT_NET_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


class CompanyFileLockedError(Exception):
    """Another PC's Web Connector is updating this company file under the same OwnerID."""


class QuickBooks:
    """One connection to QuickBooks with one company file open, for one application."""

    def __init__(
        self,
        company: CompanyFile,
        qwc: Qwc,
        computer: str,
        clock: Callable[[], datetime],
        *,
        takes_over_own_lock: bool = True,
    ) -> None:
        self.company = company
        self._own = company
        self._other: CompanyFile | None = None
        self._qwc = qwc
        self._computer = computer
        self._clock = clock
        self._takes_over = takes_over_own_lock
        self.session = ""

    def connect(self, file_name: str) -> None:
        """OpenConnection and BeginSession; "" = the file now open. Raises ProcessError as QuickBooks would."""
        self._look_what_is_open()
        if not self._qwc.allows(self.company.edition):
            raise ProcessError(*EDITION_EXCLUDED)
        self.session = self.company.begin_session(self._qwc.app_name, file_name)

    def _look_what_is_open(self) -> None:
        """A fault may have another file open than the one this application was added with."""
        self._close_other()
        self._other = self._own.opened_instead()
        self.company = self._other or self._own

    def _close_other(self) -> None:
        if self._other is not None:
            self._other.close()
        self._other = None
        self.company = self._own

    def lock(self) -> None:
        """Sets AppLock to LOCKED:<computer>:<ticks>; a lock of this same PC is stale and taken over (U)."""
        held = self.company.data_ext(self._qwc.owner_id).get(LOCK_NAME, "")
        holder = held.split(":")[1] if held.count(":") == 2 else ""
        if holder and not (holder == self._computer and self._takes_over):
            raise CompanyFileLockedError(f"The company file is locked by the Web Connector on {holder}.")
        ticks = (self._clock() - _DOT_NET_EPOCH) // timedelta(microseconds=1) * 10
        self.company.set_data_ext(self._qwc.owner_id, LOCK_NAME, f"LOCKED:{self._computer}:{ticks}")

    def unlock(self) -> None:
        self.company.set_data_ext(self._qwc.owner_id, LOCK_NAME, None)

    def host_company_preferences(self) -> str:
        """The document that becomes strHCPResponse (4.1); raises ProcessError when QuickBooks gives none."""
        return self.company.process(
            self.session,
            qbxml.build(
                [
                    qbxml.Request("HostQueryRq", {}, "0"),
                    qbxml.Request("CompanyQueryRq", {"OwnerID": [self._qwc.owner_id]}, "1"),
                    qbxml.Request("PreferencesQueryRq", {}, "2"),
                ],
                version=self.company.highest_version,
            ),
        )

    def process(self, document: str) -> str:
        return self.company.process(self.session, document)

    def disconnect(self) -> None:
        if self.session:
            self.company.end_session(self.session)
            self.session = ""

    def leave(self) -> None:
        """Ends the session, and closes the file that was open in place of the right one."""
        self.disconnect()
        self._close_other()

    def stamp(self, replaces: Qwc | None) -> None:
        """Writes FileID into the company file when the application is added (5.2).

        replaces is the registration of the same application that this one takes the place of. Raises
        SimulatorError: QBWC1039 for a pair that is stamped already, QBWC1026 for another FileID in its place.
        """
        if self._qwc.is_read_only:
            raise SimulatorError(
                "QuickBooks refused the registration (status 3263): IsReadOnly is true, and "
                "FileID and AppLock must be written. Send IsReadOnly false.",
                "QBWC1039",
            )
        stamped = self.company.data_ext(self._qwc.owner_id).get(STAMP_NAME)
        ours = replaces is not None and (replaces.owner_id, replaces.file_id) == (self._qwc.owner_id, stamped)
        if stamped == self._qwc.file_id and not ours:
            raise SimulatorError(
                "Unique OwnerID/FileID pair value required: this company file already carries "
                "the pair. Remove the stamp or issue a new FileID.",
                "QBWC1039",
            )
        if stamped not in (None, self._qwc.file_id) and not ours:
            raise SimulatorError(
                f"The FileID could not be added: this company file already carries {stamped} "
                "under the same OwnerID.",
                "QBWC1026",
            )
        self.company.set_data_ext(self._qwc.owner_id, STAMP_NAME, self._qwc.file_id)

    def remove_stamp(self) -> None:
        self.company.set_data_ext(self._qwc.owner_id, STAMP_NAME, None)
