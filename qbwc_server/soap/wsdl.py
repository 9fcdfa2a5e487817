"""The WSDL we publish: a fixed text in the shape of Intuit's, with the configured address.

The Web Connector never asks for it; people and other SOAP tools do. The one spyne would generate fits .NET
badly and takes its address from the Host header of whoever asks first.
"""

from importlib.resources import files
from string import Template
from xml.sax.saxutils import escape


def wsdl(public_url: str) -> bytes:
    """The document for `?wsdl`; `public_url` is the address of the SOAP endpoint as the outside sees it."""
    template = files("schemas").joinpath("qbwc.wsdl").read_text(encoding="utf-8")
    return Template(template).substitute(public_url=escape(public_url, {'"': "&quot;"})).encode()
