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


def conditions(database: Database) -> dict[str, str]:
    """The condition of every partial index, as the database tells it."""
    with database.engine.connect() as connection:
        key = f"{connection.dialect.name}_where"
        return {
            str(index["name"]): str(index["dialect_options"][key])
            for table in metadata.tables
            for index in inspect(connection).get_indexes(table)
            if index.get("dialect_options", {}).get(key) is not None
        }


def test_partial_indexes_have_the_conditions_of_the_tables(empty_database: Database) -> None:
    """Alembic does not compare the condition of an index, and ours carry "one open job" and "linked once"."""
    migrate.upgrade(empty_database)
    migrated = conditions(empty_database)
    metadata.drop_all(empty_database.engine)
    metadata.create_all(empty_database.engine)
    assert migrated == conditions(empty_database)
    assert set(migrated) >= {"uq_links_crm", "uq_links_books", "uq_link_jobs_open"}


def test_an_empty_database_has_no_revision_and_gets_the_newest(empty_database: Database) -> None:
    assert migrate.current(empty_database) is None
    migrate.upgrade(empty_database)
    assert migrate.current(empty_database) == migrate.head()


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_database: Database) -> None:
    with empty_database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE tickets (a INTEGER)")
    with pytest.raises(SQLAlchemyError, match="tickets"):
        migrate.upgrade(empty_database)
    with empty_database.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["tickets"]
