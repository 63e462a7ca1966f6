"""The operations, one file each: frozen declarations that give their steps for a server, or a refusal.

An operation decides from :class:`~keystone_viaduct.upgrade.steps.Server` alone and does no input or output.
It says *what* is to be changed (``changes.py``) in which phase; the SQL, the locks and most refusals are the
business of the engine's dialect. To add one: a module here, its test in ``tests/unit/upgrade/operations``
and, with a generated workload, in ``tests/bridges``; its page in ``docs/reference/upgrade-operations``.
"""

from .add_column import AddColumn
from .add_computed_column import AddComputedColumn
from .add_constraint import AddConstraint
from .change_key import ChangeKey
from .change_type import ChangeType
from .compute_columns import ComputeColumns
from .drop_column import DropColumn
from .drop_table import DropTable
from .move_column import MoveColumn
from .rename_column import RenameColumn
from .rename_table import RenameTable
from .replace_columns import ReplaceColumns

__all__ = [
    "AddColumn",
    "AddComputedColumn",
    "AddConstraint",
    "ChangeKey",
    "ChangeType",
    "ComputeColumns",
    "DropColumn",
    "DropTable",
    "MoveColumn",
    "RenameColumn",
    "RenameTable",
    "ReplaceColumns",
]
