"""What every command has: --home and --debug wherever they are typed, one sentence for an error, did-you-mean."""

import getpass
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from qbwc_server.cli.failures import Failure, failure_of

SENTENCE = 400  # characters; longer than any first sentence
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Frame:
    """What was said about the whole command, by an option anywhere on the line."""

    home: Path | None = None
    debug: bool = False


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Ctrl-C ends what is inside, and nothing is wrong.

    Shells let programs in the background ignore it; who sends it all the same means it.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        yield


def frame_of(ctx: click.Context) -> Frame:
    found: Frame = ctx.find_root().ensure_object(Frame)
    return found


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(frame_of(ctx), name, value)

    return callback


def _common() -> list[click.Parameter]:
    home = click.Path(path_type=Path, file_okay=False)
    return [
        click.Option(
            ["--home"],
            type=home,
            expose_value=False,
            callback=_set("home"),
            metavar="DIR",
            help="Folder of this installation. Default: QBWC_HOME, or the user's data folder.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_set("debug"),
            help="Show the program's own trace of an error.",
        ),
    ]


class Command(click.Command):
    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_option = super().get_params(ctx)
        return [*own, *_common(), help_option]


class Group(click.Group):
    """Commands in the order they were written; a mistyped one is answered with the nearest."""

    command_class = Command
    group_class = type

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_option = super().get_params(ctx)
        return [*own, *_common(), help_option]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with its whole first sentence: cut in its middle it would tell nothing."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, one.get_short_help_str(SENTENCE)) for name, one in found if one and not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from qbwc_server.mapping.spelling import did_you_mean  # loads much, for a mistake only

            known = self.list_commands(ctx)
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}."
            raise click.UsageError(f"There is no command {name!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """The one place where an error becomes a sentence; --debug lets it through."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own business
        except Exception as error:
            if frame_of(ctx).debug:
                raise
            raise failure_of(error) from error


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")(function)


def home_of(ctx: click.Context) -> Path | None:
    return frame_of(ctx).home


def actor() -> str:
    """The operating system's user, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def ask(question: str) -> None:
    """Go on only if the person says yes. Raises Failure when nobody does."""
    try:
        sure = click.confirm(question)
    except click.Abort:
        click.echo()
        raise Failure(
            "Nobody answered, so nothing was done. Say --yes to do it without being asked."
        ) from None
    if not sure:
        raise Failure("Nothing was done.")


def now() -> datetime:
    return datetime.now(UTC)
