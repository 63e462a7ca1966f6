"""The declared upgrade: ``user.enabled``, a boolean, becomes ``user.status``: active, disabled or locked."""

from keystone_viaduct.upgrade.expression import Field, Lookup
from keystone_viaduct.upgrade.operations import ReplaceColumns
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.types import Boolean, Text

USER = Table("user", (Column("id", Text(64), nullable=False),))
UP = Lookup(Field("enabled"), ((True, "active"), (False, "disabled")))
DOWN = Lookup(Field("status"), (("active", True), ("disabled", False), ("locked", False)))
UPGRADE = [
    ReplaceColumns(
        Bridge(
            name="user_status",
            table=USER,
            old=(Column("enabled", Boolean()),),
            new=(Column("status", Text(16)),),
            up=(Conversion("status", UP),),
            down=(Conversion("enabled", DOWN),),
        )
    )
]
