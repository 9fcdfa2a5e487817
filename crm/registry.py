"""Opens the gateway of a vendor by its name, loading only that vendor's code."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from crm.errors import Misconfigured
from crm.port import Gateway

# Vendor name -> where its `open_gateway(url, credentials, **options)` is.
VENDORS: Mapping[str, str] = {
    "salesforce": "crm.salesforce",
}


def open_gateway(vendor: str, url: str, credentials: Mapping[str, str], **options: Any) -> Gateway:
    """A gateway that has not called anywhere yet; `check` tells whether it works.

    Raises Misconfigured for an unknown vendor, an address that is not https (loopback may be http) or
    incomplete credentials. Options are the vendor's, documented at its `open_gateway`.
    """
    if vendor not in VENDORS:
        raise Misconfigured(f"There is no gateway for {vendor!r}; known are {', '.join(sorted(VENDORS))}.")
    return cast(Gateway, import_module(VENDORS[vendor]).open_gateway(url, credentials, **options))
