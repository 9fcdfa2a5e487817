"""A statement that SQLAlchemy put into words once serves the databases of all tests: they are new, the statements not.

An engine keeps the texts of its statements for itself and its dialect. A test that opens a database of its own would
make a hundred of them anew, which takes longer than all that they ask.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Engine

from qbwc_server.store import database

# By the name of the dialect: the first engine that has spoken with a server.
_first: dict[str, Engine] = {}


def remember(engine: Engine) -> None:
    """From now on, engines of this kind take over its texts. It must have been connected: then it knows its server."""
    _first.setdefault(engine.dialect.name, engine)


def make(url: str, **options: Any) -> Engine:
    """`create_engine`, as the product calls it."""
    engine = sqlalchemy.create_engine(url, **options)
    if (first := _first.get(engine.dialect.name)) is not None:
        # Texts are found under the dialect that they were made for.
        engine.dialect = first.dialect
        engine._compiled_cache = first._compiled_cache
    return engine


def share() -> None:
    """For the rest of this process. A program that a test starts is not touched."""
    database.create_engine = make
