from pathlib import Path

import pytest

from qbwc_server.simulator import Options, SimulatorError, commands
from tests.simulator.conftest import Service, document, strings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "books.sqlite"
    assert "Acme" in commands.new(path, "Acme", "America/New_York")
    return path


def test_a_company_can_be_made_seeded_and_shown(path: Path) -> None:
    assert commands.seed(path, 5) == f"5 customers entered into {path}."
    first, head, *rows = commands.show(path).splitlines()
    assert first.startswith(f"Acme ({path}), ")
    assert head.split() == [
        "FullName",
        "ListID",
        "IsActive",
        "Phone",
        "Email",
        "TotalBalance",
        "TimeModified",
    ]
    assert len(rows) >= 5


def test_one_customer_is_shown_field_by_field(path: Path) -> None:
    added = (
        "<CustomerAddRq><CustomerAdd><Name>Ann</Name><BillAddress><City>Austin</City></BillAddress></CustomerAdd>"
        "</CustomerAddRq>"
    )
    assert 'statusCode="0"' in commands.answer(path, document(added))
    lines = commands.show(path, "ann").splitlines()
    assert "FullName: Ann" in lines
    assert lines[lines.index("BillAddress:") + 1] == "  City: Austin"


def test_a_recording_can_be_loaded(path: Path, tmp_path: Path) -> None:
    recording = tmp_path / "recorded.xml"
    recording.write_text(
        '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs statusCode="0" statusSeverity="Info" '
        'statusMessage="Status OK"><CustomerRet><ListID>1-1</ListID>'
        "<TimeCreated>2020-01-01T00:00:00-05:00</TimeCreated>"
        "<TimeModified>2020-01-01T00:00:00-05:00</TimeModified><EditSequence>1</EditSequence><Name>Ann</Name>"
        "<FullName>Ann</FullName><Sublevel>0</Sublevel></CustomerRet></CustomerQueryRs></QBXMLMsgsRs></QBXML>",
        encoding="utf-8",
    )
    assert commands.load(path, recording).startswith("1 customers and jobs loaded")


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda path: commands.new(path, "Again", "UTC"), "exists already"),
        (lambda path: commands.new(path.with_name("new.sqlite"), "Acme", "Nowhere/Land"), "time zone"),
        (lambda path: commands.show(path.with_name("missing.sqlite")), "There is no company file"),
        (lambda path: commands.show(path, "Nobody"), "no customer 'Nobody'"),
        (lambda path: commands.load(path, path.with_name("missing.xml")), "cannot be read"),
        (lambda path: commands.answer(path, "nonsense"), "0x80040400"),
        (lambda path: commands.connector_update(path.with_name("home")), "No application is selected"),
        (lambda path: commands.connector_log(path.with_name("home")), "no log"),
        (lambda path: commands.connector_password(path.with_name("home"), "Nobody", "x"), "Nobody"),
        (
            lambda path: commands.connector_add(path.with_name("home"), path.with_name("missing.qwc"), path),
            "cannot be read",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(path: Path, act, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SimulatorError, match=text):
        act(path)


def test_a_file_that_is_something_else_is_not_opened(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("just text, but long enough to be taken for a database header " * 20, encoding="utf-8")
    with pytest.raises(SimulatorError, match="is not a company file"):
        commands.show(other)


def test_the_web_connector_from_registration_to_log(
    path: Path, tmp_path: Path, service: Service, options: Options
) -> None:
    home = tmp_path / "home"
    file = tmp_path / "example.qwc"
    file.write_text(service.qwc(), encoding="utf-8")
    assert "Example Sync added" in commands.connector_add(home, file, path)
    assert "readable by you only" in commands.connector_password(home, "Example Sync", "secret")
    service.sends(document("<HostQueryRq/>"))
    [result] = commands.connector_update(home, "Example Sync", options)
    assert commands.results_text([result]) == (
        "ok     Example Sync: OK [serverVersion clientVersion authenticate sendRequestXML receiveResponseXML "
        "closeConnection]"
    )
    assert "Performing" not in commands.connector_log(home)
    service.answers("authenticate", strings("t", "none"))
    runs = commands.connector_auto_run(home, every=60, times=2, options=options)
    assert [run.status for run in runs] == ["No data exchange required"] * 2
    assert "Performing SCHEDULED UPDATE" in commands.connector_log(home)


def test_items_and_sales_can_be_seeded_listed_and_paid(path: Path) -> None:
    with pytest.raises(SimulatorError, match="need customers and items"):
        commands.seed_sales(path, 1)
    commands.seed(path, 5)
    assert commands.seed_items(path, 12) == f"12 items entered into {path}."
    assert commands.seed_sales(path, 6) == f"6 invoices entered into {path}."
    head, *rows = commands.records(path, "Invoice").splitlines()
    assert head.split()[:3] == ["RefNumber", "TxnDate", "CustomerRef"]
    assert len(rows) == 6
    assert (
        commands.records(path, "Invoice", "1")
        .splitlines()[0]
        .startswith(("TxnID", "ARAccountRef", "IsPending"))
    )
    customer = commands.show(path).splitlines()[2].split("  ")[0]
    assert commands.take_payment(path, customer, "12.00").endswith(f"of 12.00 taken from {customer}.")
    assert "12.00" in commands.records(path, "ReceivePayment")


def test_two_can_be_merged_and_only_known_kinds_are_listed(path: Path) -> None:
    commands.seed(path, 2)
    names = [
        row.split("  ")[0] for row in commands.show(path).splitlines()[2:] if ":" not in row.split("  ")[0]
    ]
    assert commands.merge(path, names[0], names[1]) == f"{names[0]} is merged into {names[1]} and gone."
    with pytest.raises(SimulatorError, match="no kind of record"):
        commands.records(path, "Vehicle")
