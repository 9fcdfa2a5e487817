"""Runs migrations on the connection that `migrate.upgrade` hands over; there is no ini file and no URL here."""

from alembic import context

from qbwc_server.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
