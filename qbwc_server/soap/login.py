"""Who logs in: the password check, the limit on failures, and the same answer and cost for every wrong login."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from qbwc_server import secrets
from qbwc_server.secrets import Keys
from qbwc_server.store import parties, visits
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.rows import Company

FAILURE_WINDOW = timedelta(minutes=15)
FAILURES_PER_USER = 10
FAILURES_PER_ADDRESS = 30


@dataclass(frozen=True)
class Login:
    """The company that was named, if there is one; whether it may come in; whether nobody may for now."""

    company: Company | None
    right: bool
    limited: bool


class Logins:
    """Judges logins. The password is checked outside any transaction, for a slow hash must not hold a lock."""

    def __init__(self, database: Database, keys: Keys, clock: Callable[[], datetime]) -> None:
        self.database, self.keys, self.clock = database, keys, clock

    def judge(self, user: str, password: str, address: str) -> Login:
        """While too many logins failed, every login fails unchecked, a right one and an unknown user alike."""
        with self.database.read() as tx:
            limited = self._limited(tx, user, address)
            company = parties.company_of_user(tx, user)
        right = not limited and self._right(company, password)
        return Login(company, right, limited)

    def note_failure(self, tx: Tx, user: str, address: str) -> None:
        visits.note_login_failure(tx, user, address, self.clock())

    def _limited(self, tx: Tx, user: str, address: str) -> bool:
        since = self.clock() - FAILURE_WINDOW
        by_user, by_address = visits.login_failure_count(tx, user, address, since)
        return by_user >= FAILURES_PER_USER or by_address >= FAILURES_PER_ADDRESS

    def _right(self, company: Company | None, password: str) -> bool:
        stored = company.password_hash if company else None
        right = secrets.check_password(stored, password, self.keys)
        if not right and not secrets.is_chosen(stored):
            self._take_as_long_as_a_chosen_one(password)
        return right

    def _take_as_long_as_a_chosen_one(self, password: str) -> None:
        """Where any password is a chosen one, and so slow to check, every failure costs what that one would."""
        with self.database.read() as tx:
            some_are = parties.any_password_like(tx, secrets.CHOSEN)
        if some_are:
            secrets.check_password(None, password, self.keys, generated=False)
