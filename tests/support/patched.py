"""A Keystone that nobody ships: a copy of a release's package with a migration or a model column more.

The copy lies in a folder of the test and is put before the release's own package by ``PYTHONPATH``; entry
points and everything else stay the release's.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_EXPAND_HEAD = Path("common/sql/migrations/versions/EXPAND_HEAD")
_MODEL = Path("identity/backends/sql_model.py")
#: ``user.enabled`` (a boolean) becomes ``user.status``: active, disabled or locked. Only ``enabled: false``
#: with ``status: locked`` locks a user; ``enabled: true`` makes it active.
_STATUS = (
    (
        "'id', 'name', 'domain_id', 'password', 'enabled',",
        "'id', 'name', 'domain_id', 'password', 'enabled', 'status',",
    ),
    (
        "    _enabled = sql.Column('enabled', sql.Boolean)\n",
        """\
    status = sql.Column(sql.String(16))

    @hybrid_property
    def _enabled(self):
        return None if self.status is None else self.status == 'active'

    @_enabled.setter
    def _enabled(self, value):
        if value:
            self.status = 'active'
        elif value is None:
            self.status = None
        elif self.status != 'locked':
            self.status = 'disabled'

    @_enabled.expression
    def _enabled(cls):
        return cls.status == 'active'

""",
    ),
    (
        "        new_dict = user_dict.copy()\n        resource_options = {}\n",
        """\
        new_dict = user_dict.copy()
        if new_dict.get('enabled') is None:
            new_dict.pop('status', None)
        elif new_dict['enabled']:
            new_dict['status'] = 'active'
        elif new_dict.get('status') != 'locked':
            new_dict['status'] = 'disabled'
        resource_options = {}
""",
    ),
)


def copy_of(python: Path, folder: Path) -> Path:
    """The package ``keystone`` of an environment, without its tests, in ``folder``; the copy's place."""
    asked = "import importlib.util; print(importlib.util.find_spec('keystone').submodule_search_locations[0])"
    done = subprocess.run([str(python), "-I", "-c", asked], capture_output=True, text=True, check=True)
    copy = folder / "keystone"
    shutil.copytree(
        done.stdout.strip(), copy, ignore=shutil.ignore_patterns("tests", "locale", "__pycache__")
    )
    return copy


def add_revision(copy: Path, name: str, body: str) -> None:
    """One more revision of the expand branch; ``body`` is that of its ``upgrade()``."""
    head = (copy / _EXPAND_HEAD).read_text().strip()
    newest = next((copy / _EXPAND_HEAD).parent.glob(f"*/expand/{head}_*.py"))
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    newest.with_name(f"{name}_next.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n\n"
        f"revision = {name!r}\ndown_revision = {head!r}\nbranch_labels = None\ndepends_on = None\n\n\n"
        f"def upgrade():\n{lines}\n"
    )
    (copy / _EXPAND_HEAD).write_text(f"{name}\n")


def give_users_a_status(copy: Path) -> None:
    """Change the one column of the model; the rest of Keystone goes on asking for ``enabled``."""
    model = copy / _MODEL
    text = model.read_text()
    for before, after in _STATUS:
        if text.count(before) != 1:
            raise AssertionError(f"{model} is not as it was expected: {before!r}")
        text = text.replace(before, after)
    model.write_text(text)
