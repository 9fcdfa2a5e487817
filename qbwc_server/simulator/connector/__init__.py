"""A QuickBooks Web Connector that runs anywhere."""

from qbwc_server.simulator.connector.connector import WebConnector
from qbwc_server.simulator.connector.options import Options
from qbwc_server.simulator.connector.registry import Application
from qbwc_server.simulator.connector.unconfirmed import Unconfirmed
from qbwc_server.simulator.connector.visit import UpdateResult

__all__ = ["Application", "Options", "Unconfirmed", "UpdateResult", "WebConnector"]
