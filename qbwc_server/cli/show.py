"""What commands print: a table for people, plain columns for a pipe, JSON for programs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = Mapping[str, Any]
SHORT = 20
GAP = 2


def listing(rows: Sequence[Row], columns: Mapping[str, str], *, as_json: bool, empty: str) -> None:
    """Rows under the headings of `columns` (key -> heading); JSON gives every key of a row, not only these."""
    if as_json:
        click.echo(to_json([dict(row) for row in rows]))
    elif not rows:
        click.echo(empty)
    else:
        _table([{key: cell(row.get(key)) for key in columns} for row in rows], columns)


def details(values: Row, *, as_json: bool) -> None:
    """One thing, a line for each of its values; empty ones are left out."""
    if as_json:
        click.echo(to_json(dict(values)))
        return
    width = max(len(name) for name in values) + 1
    for name, value in values.items():
        if value not in (None, "", [], {}):
            click.echo(f"{name + ':':<{width}} {said(value)}")


def _table(rows: Sequence[Mapping[str, str]], columns: Mapping[str, str]) -> None:
    console = Console()
    longest = {key: max([heading, *(row[key] for row in rows)], key=len) for key, heading in columns.items()}
    # Texts may break; ids and times are copied and must stay in one piece.
    whole = {key for key, text in longest.items() if " " not in text or len(text) <= SHORT}
    needed = sum(len(longest[key]) if key in whole else SHORT // 2 for key in columns) + GAP * len(columns)
    if not console.is_terminal or needed > console.width:
        click.echo("\n".join(aligned([list(columns.values()), *(list(row.values()) for row in rows)])))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, heading in columns.items():
        table.add_column(heading, overflow="fold", no_wrap=key in whole)
    for row in rows:
        table.add_row(*row.values())
    console.print(table, markup=False)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def cell(value: Any) -> str:
    """As `said`; the time zone of a column stands in its heading."""
    return said(value).removesuffix(" UTC") if isinstance(value, datetime) else said(value)


def said(value: Any) -> str:
    """A value as a person reads it, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {said(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(said(one) for one in value)
    # A record's name must not steer the terminal.
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(str(value).split())
    )


def to_json(value: Any) -> str:
    return json.dumps(value, default=_plain, indent=2, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"cannot show a {type(value).__name__}")


@contextmanager
def progress(text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar while something takes long (`total` None: it is not known how long), on terminals only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(text, total=total)
        yield lambda steps: shown.update(task, advance=steps)
