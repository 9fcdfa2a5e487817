"""A Salesforce organisation on a loopback port, written from the vendor's documentation alone."""

from crm.emulators.faults import Fault

from .emulator import SalesforceEmulator
from .sessions import Credentials

__all__ = ["Credentials", "Fault", "SalesforceEmulator"]
