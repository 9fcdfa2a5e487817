"""Command lines of this product as documents show them, and whether the command line would take them."""

from __future__ import annotations

import shlex

from click.testing import CliRunner

from qbwc_server.cli import root

NAME = "qbwc-server"


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each line that begins with the command; without prompts, comments, pipes and redirections."""
    joined = text.replace("\\\n", " ")
    return [_arguments(line) for line in joined.splitlines() if line.strip().split(" ")[0] == NAME]


def _arguments(line: str) -> list[str]:
    words = shlex.split(line, comments=True)[1:]
    ends = [words.index(sign) for sign in (">", "|", "&&") if sign in words]
    return words[: min(ends, default=len(words))]


def refusal(arguments: list[str]) -> str:
    """What the command line has against these arguments; "" when it takes them. Nothing is carried out."""
    asked = arguments if "--help" in arguments else [*arguments, "--help"]
    result = CliRunner().invoke(root, asked)
    return "" if result.exit_code == 0 else result.output
