"""A QuickBooks company file that runs anywhere."""

from qbwc_server.simulator.company.file import CompanyFile

__all__ = ["CompanyFile"]
