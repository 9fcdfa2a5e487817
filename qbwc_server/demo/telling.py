"""What every scene does: press Update Selected, show a table, name what is wrong."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from qbwc_server.demo.checks import Checks
from qbwc_server.demo.world import World

Say = Callable[[str], None]

SHOWN = 5
NAMED = 5


def updated(world: World, checks: Checks) -> bool:
    """Press Update Selected, and claim that it worked."""
    result = world.update()
    return checks.claim(
        f"The Web Connector's status: {result.status}" if result.ok else "The Web Connector could update",
        holds=result.ok,
        otherwise=result.status,
    )


def table(say: Say, heading: Sequence[str], rows: Sequence[Sequence[object]], shown: int = SHOWN) -> None:
    """The first rows; amounts stand at the right with their cents."""
    cells = [tuple(heading), *(tuple(map(_cell, row)) for row in rows[:shown])]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    right = [any(isinstance(row[column], Decimal) for row in rows) for column in range(len(heading))]
    for row in cells:
        placed = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        )
        say("    " + "  ".join(placed).rstrip())
    say(f"    ... and {len(rows) - shown} more\n" if len(rows) > shown else "")


def _cell(value: object) -> str:
    return amount(value) if isinstance(value, Decimal) else str(value)


def amount(value: Decimal) -> str:
    """With its cents, and with more decimals where it has more."""
    return f"{value:,.2f}" if value == round(value, 2) else f"{value:,f}"


def named(names: Iterable[str]) -> str:
    """The first few of what is wrong."""
    return ", ".join(list(names)[:NAMED])
