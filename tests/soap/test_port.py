import inspect
import logging

import pytest

from qbwc_server.soap.methods import METHODS, whole_number
from qbwc_server.soap.port import Operations, safe_operations, without_values
from qbwc_server.sync.posted import Posted
from tests.soap.recording import Recording

PASSWORD = "Tr0ub4dor"

# QBWC protocol reference 10, rule 7.
ERROR_VALUES = {
    "server_version": ((), "qbwc-server"),
    "client_version": (("34.0",), ""),
    "authenticate": (("u", PASSWORD, "127.0.0.1"), ["", "busy"]),
    "send_request_xml": (("T", "", "", "US", 13, 0), ""),
    "receive_response_xml": (("T", Posted.of(""), "", ""), -1),
    "connection_error": (("T", "", ""), "done"),
    "get_interactive_url": (("T", ""), ""),
    "interactive_rejected": (("T", ""), ""),
    "interactive_done": (("T",), "DONE"),
}
SENTENCES = ("get_last_error", "close_connection")


def port_methods() -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(function)
        for name, function in inspect.getmembers(Operations, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("name", ERROR_VALUES)
def test_a_failure_becomes_the_error_value_of_its_method(name: str) -> None:
    arguments, error_value = ERROR_VALUES[name]
    broken = Recording({name: RuntimeError("database gone")})
    reports: list[tuple[str, str, Exception]] = []
    safe = safe_operations(broken, lambda *report: reports.append(report))
    assert getattr(safe, name)(*arguments) == error_value
    ((method, ticket, failure),) = reports
    assert METHODS[method].port == name
    assert ticket == ("T" if "ticket" in port_methods()[name].parameters else "")
    assert str(failure) == "database gone"


@pytest.mark.parametrize("name", SENTENCES)
def test_a_failure_where_a_text_is_due_becomes_a_sentence(name: str) -> None:
    safe = safe_operations(Recording({name: RuntimeError("database gone")}), lambda *_: None)
    sentence = getattr(safe, name)("T")
    assert sentence.endswith(".")
    assert "database" not in sentence
    assert sentence != "NoOp"


def test_every_method_of_the_port_has_an_error_value() -> None:
    assert {*ERROR_VALUES, *SENTENCES} == port_methods().keys()


@pytest.mark.parametrize("name", [*ERROR_VALUES, *SENTENCES])
def test_what_works_passes_through(name: str) -> None:
    arguments = ERROR_VALUES.get(name, (("T",), None))[0]
    inner = Recording({name: "as it is"})
    safe = safe_operations(inner, lambda *_: pytest.fail("nothing failed"))
    assert getattr(safe, name)(*arguments) == "as it is"
    seen = tuple(one.open().read().decode() if isinstance(one, Posted) else one for one in arguments)
    assert inner.calls == [(name, seen)]


def test_a_report_that_fails_changes_nothing_and_logs_no_text(caplog: pytest.LogCaptureFixture) -> None:
    def on_error(*_: object) -> None:
        raise OSError(f"could not store {PASSWORD}")

    safe = safe_operations(Recording({"authenticate": ValueError(f"[parameters: {PASSWORD}]")}), on_error)
    with caplog.at_level(logging.DEBUG):
        assert safe.authenticate("u", PASSWORD, "127.0.0.1") == ["", "busy"]
    assert "ValueError" in caplog.text
    assert "OSError" in caplog.text
    assert PASSWORD not in caplog.text


def test_an_exit_is_not_an_error_value() -> None:
    class Leaving(Recording):
        def server_version(self) -> str:
            raise SystemExit

    with pytest.raises(SystemExit):
        safe_operations(Leaving(), lambda *_: None).server_version()


def test_a_failure_is_described_by_type_and_place_only() -> None:
    try:
        whole_number(PASSWORD)
    except ValueError as failure:
        text = without_values(failure)
    assert "ValueError" in text
    assert "whole_number" in text
    assert PASSWORD not in text


def test_the_table_of_methods_fits_the_port() -> None:
    assert {method.port for method in METHODS.values()} == port_methods().keys()
    for method in METHODS.values():
        parameters = [p for p in port_methods()[method.port].parameters.values() if p.name != "self"]
        assert len(parameters) == len(method.arguments) + method.peer
        for element, parameter in zip(method.arguments, parameters, strict=False):
            assert (parameter.annotation == "int") == (element in method.integers)
