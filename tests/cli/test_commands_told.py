"""The first page tells of every command."""

from qbwc_server.cli.root import COMMANDS
from tests.test_docs import first_cells, section


def test_the_table_of_commands_has_each_of_them_in_the_order_of_the_help() -> None:
    told = [
        cell.strip("`").removeprefix("qbwc-server ") for cell in first_cells(section("README.md", "Commands"))
    ]
    assert told == list(COMMANDS)
