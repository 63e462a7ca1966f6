"""What the records name that a site only carries: found without opening all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import KEY, KIND, OPTIONS
from keystone_viaduct.sync.store.migrations.versions.v0006_blanks_in_keys import tell_blanks_apart

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SITE = sa.table("viaduct_site", sa.column("release", sa.Text))


def upgrade() -> None:
    """Make the table. It is filled by the site, for what is carried is sealed: with its next transaction, as
    after an upgrade of Keystone's tables, of which the text of its release makes it think.
    """
    op.create_table(
        "viaduct_carried",
        sa.Column("target", sa.String(32), primary_key=True),
        sa.Column("kind", KIND, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_carried_record", "viaduct_carried", ["kind", "key"])
    tell_blanks_apart("viaduct_carried")
    op.execute(_SITE.update().where(_SITE.c.release != "").values(release=_SITE.c.release + " "))


def downgrade() -> None:
    """Drop it; all that is carried is read then."""
    op.drop_table("viaduct_carried")
