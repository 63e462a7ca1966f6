"""Runs the revisions on the connection that ``journal.prepare`` hands over."""

from alembic import context

from keystone_viaduct.upgrade.tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    target_metadata=None,
)
with context.begin_transaction():
    context.run_migrations()
