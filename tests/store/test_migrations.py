"""What the migrations make is what the tables say, and a database knows how far it has come."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.store import migrate
from qbwc_server.store.database import Database
from qbwc_server.store.tables import metadata


def test_the_newest_migration_makes_exactly_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_partial_indexes_are_partial_in_the_database_too(database: Database) -> None:
    """Alembic does not compare the condition of an index, and ours carry "one open job" and "linked once"."""
    with database.engine.connect() as connection:
        found = {
            index["name"]: str(index["dialect_options"][f"{connection.dialect.name}_where"])
            for table in ("links", "link_jobs")
            for index in inspect(connection).get_indexes(table)
            if index.get("dialect_options", {}).get(f"{connection.dialect.name}_where") is not None
        }
    assert set(found) == {"uq_links_crm", "uq_links_books", "uq_link_jobs_open"}
    assert "unlinked_at IS NULL" in found["uq_links_crm"]
    assert "refused" in found["uq_link_jobs_open"]
    assert "settled" not in found["uq_link_jobs_open"]


def test_an_empty_database_has_no_revision_and_gets_the_newest(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    assert migrate.current(database) is None
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()
    database.close()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE tickets (a INTEGER)")
    with pytest.raises(SQLAlchemyError, match="tickets"):
        migrate.upgrade(database)
    with database.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["tickets"]
    database.close()
