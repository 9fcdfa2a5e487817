"""Salesforce behind the CRM port, over its REST API."""

from crm.salesforce.gateway import SalesforceGateway, open_gateway

__all__ = ["SalesforceGateway", "open_gateway"]
