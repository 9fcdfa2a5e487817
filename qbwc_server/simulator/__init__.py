"""The other party: a QuickBooks company file and a Web Connector, written from the references only."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qbwc_server.simulator.company import CompanyFile
    from qbwc_server.simulator.connector import Options, Unconfirmed, UpdateResult, WebConnector
    from qbwc_server.simulator.errors import ProcessError, SimulatorError

__all__ = [
    "CompanyFile",
    "Options",
    "ProcessError",
    "SimulatorError",
    "Unconfirmed",
    "UpdateResult",
    "WebConnector",
]

_HOMES = {
    "CompanyFile": "company",
    "Options": "connector",
    "ProcessError": "errors",
    "SimulatorError": "errors",
    "Unconfirmed": "connector",
    "UpdateResult": "connector",
    "WebConnector": "connector",
}


def __getattr__(name: str) -> Any:
    """Loaded when first asked for: the pytest plugin below is imported by every test run of whoever installed it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
