"""Which company file is open in the simulated QuickBooks: the newest one, unless --company names another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from qbwc_server.cli.frame import home_of
from qbwc_server.settings import load_settings
from qbwc_server.simulator import SimulatorError

# Absolute, because an application remembers its company file.
FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)
OPEN_FILE = "open_company.txt"
F = TypeVar("F", bound=Callable[..., Any])


def connector_home(ctx: click.Context) -> Path:
    return load_settings(home_of(ctx)).home / "connector"


def open_company(home: Path) -> Path:
    try:
        return Path((home / OPEN_FILE).read_text("utf-8"))
    except FileNotFoundError:
        raise SimulatorError("No company file is open. Name it with --company FILE.") from None


def _or_open(ctx: click.Context, _: click.Parameter, given: Path | None) -> Path:
    return given or open_company(connector_home(ctx))


def _option(**more: Any) -> Callable[[F], F]:
    return click.option(
        "--company",
        "company_file",
        type=FILE,
        metavar="FILE",
        help="The company file that is open in QuickBooks. Default: the newest one.",
        **more,
    )


# --company FILE, given to the command as company_file: the open one unless another is named, or None.
company_option = _option(callback=_or_open)
company_if_named = _option()
