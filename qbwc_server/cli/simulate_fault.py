"""`simulate fault`: what goes wrong next in the simulated QuickBooks and Web Connector."""

from contextlib import closing
from pathlib import Path

import click

from qbwc_server.cli.frame import Group, json_option
from qbwc_server.cli.open_company import company_option
from qbwc_server.cli.show import listing
from qbwc_server.simulator import CompanyFile
from qbwc_server.simulator.fault_table import OCCASIONS, rows
from qbwc_server.simulator.faults import FOR_EVER, arguments_of


@click.group(cls=Group)
def fault() -> None:
    """What goes wrong next in the simulated QuickBooks and Web Connector.

    \b
    qbwc-server simulate fault arm lose_answer holding=CustomerAddRq
    qbwc-server simulate fault arm drop_after method=receiveResponseXML --nth 3
    qbwc-server simulate fault arm modal_dialog --times 2
    qbwc-server simulate fault arm duplicate_call --probability 0.1 --seed 7 --times -1
    """


@fault.command("list")
@json_option
def listed(as_json: bool) -> None:
    """Show every fault there is, with its arguments and their defaults."""
    names = ("name", "sentence", "arguments", "occasion", "source")
    found = [dict(zip(names, row, strict=True)) for row in rows()]
    columns = {
        "name": "Fault",
        "sentence": "What happens",
        "arguments": "Arguments",
        "occasion": "Counted by",
    }
    listing(found, columns, as_json=as_json, empty="There is none.")
    if not as_json:
        click.echo("\n".join(["", *(f"{name}: {what}" for name, what in OCCASIONS.items())]))


@fault.command()
@click.argument("name")
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--nth", default=1, show_default=True, help="Strike first on the nth occasion from now.")
@click.option("--times", default=1, show_default=True, help=f"How often; {FOR_EVER} = until cleared.")
@click.option("--probability", default=1.0, show_default=True, help="The chance of each occasion.")
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same.")
@company_option
def arm(
    name: str,
    arguments: tuple[str, ...],
    nth: int,
    times: int,
    probability: float,
    seed: int,
    company_file: Path,
) -> None:
    """Have a fault strike at its next occasion, or as --nth, --times and --probability say."""
    with closing(CompanyFile.open(company_file)) as company:
        company.faults.arm(
            name, times=times, nth=nth, probability=probability, seed=seed, **arguments_of(list(arguments))
        )
        click.echo(company.faults.rows()[-1].text())


@fault.command()
@company_option
@json_option
def armed(company_file: Path, as_json: bool) -> None:
    """Show what is armed, and how far each fault has come."""
    with closing(CompanyFile.open(company_file)) as company:
        found = [
            {"number": row.number, "name": row.name, "state": row.text()} | dict(row.arguments)
            for row in company.faults.rows()
        ]
    listing(found, {"state": "Armed"}, as_json=as_json, empty="Nothing is armed.")


@fault.command()
@company_option
def clear(company_file: Path) -> None:
    """Disarm everything, and put the PC's clock right again."""
    with closing(CompanyFile.open(company_file)) as company:
        company.faults.clear()
    click.echo("Nothing is armed.")
