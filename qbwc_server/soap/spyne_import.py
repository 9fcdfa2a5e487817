"""The only place that imports spyne: its last release needs help with that from Python 3.12 on.

spyne 2.14.0 carries a copy of `six` whose import hook has no `find_spec`, which Python 3.12 no longer
understands: "No module named 'spyne.util.six.moves'". The finder below answers for those names with the
installed `six`. (`cgi`, which 3.13 dropped, comes back through the legacy-cgi package.)
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

VENDORED = "spyne.util.six.moves"
INSTALLED = "six.moves"


class SixMoves(MetaPathFinder, Loader):
    """Answers imports of the vendored `six.moves` and everything below it with the installed one."""

    def __init__(self) -> None:
        self._own_specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != VENDORED and not fullname.startswith(VENDORED + "."):
            return None
        return ModuleSpec(fullname, self, is_package=fullname == VENDORED)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(INSTALLED + spec.name.removeprefix(VENDORED))
        self._own_specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written our spec on a module that belongs to somebody else (pickle, say).
        given = module.__spec__
        if given is not None and given.loader is self:
            module.__spec__ = self._own_specs.get(given.name)


def install() -> None:
    """Put the finder in front, once; on every version, so that all of them run the same code."""
    if not any(isinstance(finder, SixMoves) for finder in sys.meta_path):
        sys.meta_path.insert(0, SixMoves())


install()

import spyne.const  # noqa: E402 - not before the finder
import spyne.util.six  # noqa: E402
from spyne import Application, Array, Fault, Integer32, Service, Unicode, rpc  # noqa: E402
from spyne.protocol.soap import Soap11  # noqa: E402
from spyne.server.wsgi import WsgiApplication  # noqa: E402

# The vendored hook has nothing left to answer, and on 3.11 it warns at every import that fails.
sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not spyne.util.six._importer]

# spyne collects garbage by hand once a second, in the middle of a call; Python does that better.
spyne.const.MIN_GC_INTERVAL = float("inf")

__all__ = [
    "Application",
    "Array",
    "Fault",
    "Integer32",
    "Service",
    "Soap11",
    "Unicode",
    "WsgiApplication",
    "rpc",
]
