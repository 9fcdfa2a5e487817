"""`backup` and `restore`: one file with all that makes an installation."""

import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import IO

import click
from sqlalchemy.exc import DatabaseError

from qbwc_server import secrets
from qbwc_server.cli.frame import Command, home_of, now
from qbwc_server.errors import Problem
from qbwc_server.settings import DATABASE_FILE, FILE, Settings, load_settings
from qbwc_server.store import visits
from qbwc_server.store.database import Database, sqlite_url
from qbwc_server.sync.visit import WORKER_LEASE

PATH = click.Path(dir_okay=False, path_type=Path)
PARTS = (DATABASE_FILE, FILE, secrets.KEY_FILE)
PRIVATE = 0o600
LIVE_FILES = (f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm")


@click.command(cls=Command)
@click.argument("file", type=PATH)
@click.pass_context
def backup(ctx: click.Context, file: Path) -> None:
    """Write database, settings and key into one file; the server may go on meanwhile.

    Whoever has the file has the logins of your CRMs: keep it as safe as the server itself.
    """
    settings = load_settings(home_of(ctx))
    _check_sqlite(settings, "backed up")
    if not (settings.home / DATABASE_FILE).exists():
        raise Problem(f"There is no installation in {settings.home}. Make one with: qbwc-server init")
    _write(settings.home, file)
    click.echo(f"Everything of {settings.home} is in {file}, readable by you only.")
    if not (settings.home / secrets.KEY_FILE).exists():
        click.echo(f"The key is not in it: it comes from {secrets.KEY_VARIABLE}. Keep it safe as well.")


def _check_sqlite(settings: Settings, what: str) -> None:
    if settings.database != sqlite_url(settings.home / DATABASE_FILE):
        raise Problem(
            f"This installation's database is PostgreSQL (or elsewhere) and cannot be {what} by this command. Use "
            f"pg_dump and pg_restore for it, and keep {settings.home / secrets.KEY_FILE} (or "
            f"{secrets.KEY_VARIABLE}) and {FILE} beside the dump: without the key the CRM logins are lost."
        )


def _write(home: Path, file: Path) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        raise Problem(f"{file} exists already. Choose another name, or delete it first.") from None
    with tempfile.TemporaryDirectory(dir=file.resolve().parent) as folder, os.fdopen(handle, "wb") as target:
        copy = Path(folder) / DATABASE_FILE
        _copy_database(home / DATABASE_FILE, copy)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(copy, DATABASE_FILE)
            for name in (FILE, secrets.KEY_FILE):
                if (home / name).exists():
                    archive.write(home / name, name)


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's online backup: a consistent state, whoever writes meanwhile."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


@click.command(cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is in the home.")
@click.pass_context
def restore(ctx: click.Context, file: Path, force: bool) -> None:
    """Put back what `backup` wrote. Stop the server first.

    Changes that were made since the backup are read from both sides again. What was created in QuickBooks since then
    is found by its mark or its name.
    """
    settings = load_settings(home_of(ctx))
    _check_sqlite(settings, "restored")
    there = [name for name in PARTS if (settings.home / name).exists()]
    if there and not force:
        raise Problem(
            f"{settings.home} holds an installation already ({', '.join(there)}). Stop its server, and say --force "
            "to replace it."
        )
    if DATABASE_FILE in there:
        _check_idle(settings, now())
    names = _unpack(file, settings.home)
    click.echo(f"{', '.join(names)} restored to {settings.home}.")
    click.echo("Next: qbwc-server init (brings an older database up to date), then qbwc-server doctor")


def _check_idle(settings: Settings, now: datetime) -> None:
    """A running worker would go on writing into the file that is taken away under it."""
    database = Database(settings.database)
    try:
        with database.read() as tx:
            until = visits.lease_until(tx, WORKER_LEASE)
    except DatabaseError:
        until = None  # not set up or damaged: a reason to restore
    finally:
        database.close()
    if until is not None and until > now:
        raise Problem(f"A server or worker runs on {settings.home}. Stop it, then restore.")


def _unpack(file: Path, home: Path) -> list[str]:
    """Only what we wrote ourselves is taken out, whatever else an archive holds. Raises Problem."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in PARTS if name in archive.namelist()]
            if DATABASE_FILE not in names:
                raise Problem(f"{file} is no backup of qbwc-server: there is no {DATABASE_FILE} in it.")
            if damaged := archive.testzip():
                raise Problem(f"{file} is damaged: {damaged} cannot be read. Nothing was changed.")
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A write-ahead log of the old database must never meet the new one.
            for name in LIVE_FILES:
                (home / name).unlink(missing_ok=True)
            for name in names:
                with archive.open(name) as content:
                    _replace(home / name, content)
    except zipfile.BadZipFile:
        raise Problem(f"{file} is damaged, or no backup of qbwc-server. Nothing was changed.") from None
    return names


def _replace(path: Path, content: IO[bytes]) -> None:
    """Written beside and moved over, so that a crash leaves the old file or the new one."""
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb") as target:
        shutil.copyfileobj(content, target)
    new.replace(path)
