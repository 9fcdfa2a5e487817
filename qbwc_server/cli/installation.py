"""`init`: make the home of an installation."""

import click

from qbwc_server import app
from qbwc_server.cli.frame import Command, home_of
from qbwc_server.store.database import sqlite_url


@click.command(cls=Command)
@click.pass_context
def init(ctx: click.Context) -> None:
    """Make the folder, the key and the database of an installation, or bring an old database up to date.

    Harmless to repeat: what exists is kept.
    """
    settings = app.create_installation(home_of(ctx))
    click.echo(f"Ready: {settings.home}")
    if settings.database != sqlite_url(settings.home / "qbwc.sqlite"):
        click.echo("The database is the one of QBWC_DATABASE_URL or settings.toml.")
    click.echo("Next: qbwc-server company add NAME --user USER --timezone ZONE")
