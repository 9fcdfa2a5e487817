"""The other party: a QuickBooks company file and a Web Connector, written from the references only."""

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.connector import Options, UpdateResult, WebConnector
from qbwc_server.simulator.errors import ProcessError, SimulatorError

__all__ = ["CompanyFile", "Options", "ProcessError", "SimulatorError", "UpdateResult", "WebConnector"]
