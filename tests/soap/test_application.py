"""The application as it is put together: where it answers, and that what fails inside is kept."""

from functools import partial
from pathlib import Path

import pytest

from qbwc_server import app
from tests.soap.golden_format import GOLDEN, WorldMaker, load
from tests.soap.golden_replay import replay
from tests.soap.served import web_of
from tests.soap.shop import exchanges_of
from tests.soap.wire_paths import through_wsgi
from tests.soap.worlds import ShopWorld

HOST = [("Host", "books.example.com")]


@pytest.mark.parametrize(
    ("public_url", "path"),
    [
        ("https://books.example.com/qbwc", "/qbwc"),
        ("https://books.example.com/shops/one/quickbooks", "/shops/one/quickbooks"),
        ("https://books.example.com/quickbooks/", "/quickbooks"),
        ("http://localhost:8085/qbwc", "/qbwc"),
    ],
)
def test_the_endpoint_answers_where_the_web_connector_was_told_and_nowhere_else(
    home: Path, public_url: str, path: str
) -> None:
    (home / "settings.toml").write_text(f'public_url = "{public_url}"\n')
    installation, web = web_of(home, "")
    get = partial(through_wsgi, web, "GET")
    assert b"Web Connector" in get(path, HOST, b"")[2]
    assert get(f"{path}/", HOST, b"")[0] == 200
    assert public_url.encode() in get(f"{path}?wsdl", HOST, b"")[2]
    assert get(f"{path}/elsewhere", HOST, b"")[0] == 404
    assert get("/support", HOST, b"")[0] == 200
    installation.close()


@pytest.mark.parametrize("method", ["authenticate", "receiveResponseXML", "sendRequestXML"])
def test_what_fails_inside_a_served_call_is_kept(soap_world: WorldMaker, method: str) -> None:
    case = {"authenticate": "authenticate", "receiveResponseXML": "receive", "sendRequestXML": "send"}[method]
    world = soap_world(f"broken-at-{method}")
    assert isinstance(world, ShopWorld)
    replay(load(GOLDEN / f"broken-{case}.txt"), world)
    (failed,) = exchanges_of(world.installation, failed=True)
    assert (failed.method, failed.outcome) == (method, "failed inside: RuntimeError")
    world.close()


def test_the_clock_of_the_application_is_in_utc() -> None:
    offset = app.system_clock().utcoffset()
    assert offset is not None
    assert not offset
