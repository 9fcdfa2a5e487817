"""A QuickBooks company file with QuickBooks running on it."""

import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qbwc_server.simulator import file_faults
from qbwc_server.simulator.company import (
    features,
    host,
    plain_lists,
    processing,
    recording,
    rules,
)
from qbwc_server.simulator.company.books import COMPANY, Books
from qbwc_server.simulator.company.clock import Clock, system_clock
from qbwc_server.simulator.company.iterators import Session
from qbwc_server.simulator.company.people import People, check_known
from qbwc_server.simulator.errors import ProcessError
from qbwc_server.simulator.faults import Faults

SESSION_LOST = ("0x8004040D", "The ticket parameter is invalid.")
OTHER_FILE_OPEN = (
    "0x8004040A",
    "A QuickBooks company data file is already open and it is different from the one requested.",
)
MODES = ("SingleUser", "MultiUser")
PERMISSIONS = ("full", features.READ_ONLY)


class CompanyFile(People):
    """One company file that is open in QuickBooks. Usable from several threads: one set is executed at a time."""

    def __init__(self, books: Books) -> None:
        """Use create or open."""
        super().__init__(books, threading.RLock())
        self._sessions: dict[str, Session] = {}
        self._ended: set[str] = set()
        self._numbers = itertools.count(1)
        self.faults = Faults(books, self._lock)
        books.clock = books.clock.off_by(lambda: file_faults.offset_of(books))

    @classmethod
    def create(  # noqa: PLR0913 - what a company can be set up with
        cls,
        path: Path | str,
        *,
        company_name: str,
        timezone: str,
        clock: Clock = system_clock,
        edition: str = "Premier",
        country: str = "US",
        highest_version: str = "13.0",
        preferences: Mapping[str, bool] | None = None,
        rules: Mapping[str, str] | None = None,
    ) -> Self:
        """Makes a new company file (one SQLite file) with the lists that every new company has.

        timezone: IANA name of the zone that the company's PC is in. clock: gives the present as an aware datetime.
        preferences: features that are on or off (features.PREFERENCES). rules: how it answers what the references
        leave open (rules.RULES). Raises SimulatorError for a file that exists and for settings that QuickBooks does
        not know.
        """
        check_known("time zone", timezone, is_known=_is_zone(timezone))
        check_known("edition", edition, is_known=edition in host.EDITIONS)
        check_known("country", country, is_known=country in plain_lists.HOME_CURRENCIES)
        check_known("qbXML version", highest_version, is_known=highest_version in host.RELEASES)
        books = Books.create(
            Path(path),
            {
                "company_name": company_name,
                "timezone": timezone,
                "edition": edition,
                "country": country,
                "highest_version": highest_version,
                "file_mode": "SingleUser",
                "permission": "full",
                "barred": "",
                **features.usual(),
            },
            clock,
        )
        with books.transaction():
            plain_lists.create_built_in(books)
        made = cls(books)
        for name, is_on in (preferences or {}).items():
            made.prefer(name, is_on=is_on)
        for name, position in (rules or {}).items():
            made.rule(name, position)
        return made

    @classmethod
    def open(cls, path: Path | str, clock: Clock = system_clock) -> Self:
        """Raises SimulatorError when there is no company file at that path."""
        return cls(Books.open(Path(path), clock))

    def close(self) -> None:
        with self._lock:
            self._books.close()

    # -- what it is ------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self._books.path

    @property
    def file_name(self) -> str:
        """The path as the Windows PC has it (strCompanyFileName); a copied or moved file has another one."""
        path = self._books.path.resolve()
        return "C:" + str(path.with_suffix(".qbw")).removeprefix(path.drive).replace("/", "\\")

    @property
    def name(self) -> str:
        return self._books.settings["company_name"]

    @property
    def timezone(self) -> str:
        return self._books.settings["timezone"]

    @property
    def edition(self) -> str:
        return self._books.settings["edition"]

    @property
    def country(self) -> str:
        return self._books.settings["country"]

    @property
    def highest_version(self) -> str:
        return self._books.settings["highest_version"]

    def set_permission(self, permission: str) -> None:
        """ "full", or "read": writes are answered 3260."""
        check_known("permission", permission, is_known=permission in PERMISSIONS)
        with self._lock:
            self._books.set("permission", permission)

    def switch_to(self, mode: str) -> None:
        """A person switches the file to "SingleUser" or "MultiUser" mode."""
        check_known("mode", mode, is_known=mode in MODES)
        with self._lock:
            self._books.set("file_mode", mode)

    def bar(self, *areas: str) -> None:
        """The user who is logged in has no access to these areas (features.AREAS) from now on: 3260; none opens all."""
        for area in areas:
            check_known("area", area, is_known=area in features.AREAS)
        with self._lock:
            self._books.set("barred", " ".join(areas))

    def prefer(self, preference: str, *, is_on: bool) -> None:
        """A person switches a preference of the company on or off (features.PREFERENCES)."""
        check_known("preference", preference, is_known=preference in features.PREFERENCES)
        with self._lock:
            self._books.set(f"preference {preference}", "on" if is_on else "off")

    def rule(self, name: str, position: str = "") -> str:
        """How this file answers what the references leave open (rules.RULES); a position moves the switch."""
        rules.check(name, position)
        with self._lock, self._books.transaction():
            if position:
                self._books.set_rule(name, position)
            return self._books.rule(name)

    def counts(self) -> dict[str, int]:
        """How often each request was carried out: {"CustomerAdd": 3, "CustomerQuery": 5}.

        Adds, Mods and deletions count when they were committed, queries when they were answered; refused requests,
        stored answers given again, and what users do by hand count nowhere.
        """
        with self._lock:
            return self._books.counts()

    # -- sessions --------------------------------------------------------------------------------------------

    def begin_session(self, application: str = "", file_name: str = "") -> str:
        """OpenConnection and BeginSession; file_name "" = whatever is open. Raises ProcessError."""
        with self._lock:
            file_faults.before_session(self, self._books)
        armed = self.faults.take("refuse_session")
        if armed:
            raise ProcessError(armed["hresult"], armed["message"])
        if file_name and file_name.lower() not in (self.file_name.lower(), str(self.path).lower()):
            raise ProcessError(*OTHER_FILE_OPEN)
        with self._lock:
            session = f"session-{next(self._numbers)}"
            self._sessions[session] = Session(application)
            return session

    def end_session(self, session: str) -> None:
        """Its iterators die with it."""
        with self._lock:
            ended = self._sessions.pop(session, None)
            if ended:
                ended.end(self._books)
            self._ended.add(session)

    def end_all_sessions(self) -> None:
        """What a restart of QuickBooks does to everybody who is connected."""
        with self._lock:
            for session in list(self._sessions):
                self.end_session(session)

    def process(self, session: str, qbxml: str) -> str:
        """Executes one message set, one at a time; a session name that was never used begins one.

        Raises ProcessError(hresult, message) where QuickBooks gives no qbXML answer at all.
        """
        with self._lock:
            if session in self._ended:
                raise ProcessError(*SESSION_LOST)
            begun = self._sessions.setdefault(session, Session())
            file_faults.before_set(self, self._books, qbxml)
            return processing.Processor(self._books, self.faults, begun).process(qbxml)

    # -- other files -----------------------------------------------------------------------------------------

    def opened_instead(self) -> "CompanyFile | None":
        """What an armed fault has QuickBooks open in place of this file: a copy, or a stranger. Close it after use."""
        with self._lock:
            return file_faults.open_instead(self)

    def beside(self, path: Path) -> "CompanyFile":
        """Another company file on the same PC: the same clock, the same armed faults."""
        other = CompanyFile(Books.open(path, self._books.clock.instant))
        other.faults = self.faults
        return other

    def copy_to(self, path: Path) -> None:
        """Copies the file as Windows would: the same records, the same FileID. Nothing is armed in the copy."""
        with self._lock:
            file_faults.back_up(self._books, path)
        with closing(CompanyFile.open(path)) as copy:
            copy.faults.clear()

    def restore(self, path: Path) -> None:
        """Restores what copy_to made; whoever is connected loses the session."""
        with self._lock:
            self.end_all_sessions()
            file_faults.restore(self._books, path)

    # -- private data of applications ------------------------------------------------------------------------

    def data_ext(self, owner_id: str) -> dict[str, str]:
        """Private data of the company under one OwnerID (a braced GUID), by name."""
        with self._lock:
            return {
                entry["DataExtName"]: entry["DataExtValue"]
                for entry in self._books.data_ext(COMPANY, owner_id)
            }

    def set_data_ext(self, owner_id: str, name: str, value: str | None) -> None:
        """None removes it."""
        with self._lock, self._books.transaction():
            self._books.set_data_ext(COMPANY, owner_id, name, value)

    # -- reading and filling ---------------------------------------------------------------------------------

    def load(self, xml: str | bytes) -> int:
        """Takes in a recorded CustomerQueryRs answer, keeping ListIDs, parents and times; the number of customers."""
        with self._lock:
            return recording.load(self._books, xml)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Many edits by hand in one go, which is much quicker; they are undone together when one fails."""
        with self._lock, self._books.transaction():
            yield


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
