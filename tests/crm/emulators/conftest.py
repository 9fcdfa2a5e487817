"""A running Salesforce emulator with a clock that tests own, and a plain HTTP client for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from crm.emulators.salesforce import SalesforceEmulator


@dataclass
class HandClock:
    """Stands still unless told."""

    at: datetime = datetime(2026, 11, 22, 6, 30, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def tick(self, seconds: float = 1) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@dataclass
class Rest:
    """Raw calls of one API version with one token; answers are `requests` responses."""

    root: str
    token: str = ""
    version: str = "64.0"
    session: requests.Session = field(default_factory=requests.Session)

    def login(self, **credentials: str) -> "Rest":
        answer = requests.post(
            f"{self.root}/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(credentials["consumer_key"], credentials["consumer_secret"]),
            timeout=10,
        )
        self.token = answer.json()["access_token"]
        return self

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        url = self.root + path if path.startswith("/") else f"{self.data}/{path}"
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.session.request(method, url, headers=headers, timeout=10, **more)

    @property
    def data(self) -> str:
        return f"{self.root}/services/data/v{self.version}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.call("POST", path, json=body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.call("PATCH", path, json=body, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return self.call("DELETE", path, **more)

    def query(self, soql: str, **more: Any) -> requests.Response:
        return self.get("query/", params={"q": soql}, **more)

    def rows(self, soql: str) -> list[dict[str, Any]]:
        answer = self.query(soql)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["records"])

    def create(self, object_name: str = "Account", **values: Any) -> str:
        answer = self.post(f"sobjects/{object_name}/", values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def read(self, row_id: str, object_name: str = "Account") -> dict[str, Any]:
        answer = self.get(f"sobjects/{object_name}/{row_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def emulator(clock: HandClock) -> Iterator[SalesforceEmulator]:
    with SalesforceEmulator(clock=clock) as running:
        yield running


@pytest.fixture
def rest(emulator: SalesforceEmulator) -> Iterator[Rest]:
    client = Rest(emulator.url).login(**emulator.credentials())
    with client.session:
        yield client


def code(answer: requests.Response) -> str:
    """The error code of a refusal, after a look at its form."""
    (error,) = answer.json()
    assert set(error) in ({"message", "errorCode"}, {"message", "errorCode", "fields"})
    return str(error["errorCode"])


@pytest.fixture
def error_code() -> Any:
    return code
