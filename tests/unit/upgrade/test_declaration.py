"""The declarations that the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path

from keystone_viaduct.upgrade.declaration import load
from keystone_viaduct.upgrade.operations import ReplaceColumns

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "upgrade-a-schema.md"


def test_the_declaration_of_the_guide_is_one(tmp_path: Path) -> None:
    shown = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    assert shown
    path = tmp_path / "statuses.py"
    path.write_text(shown[1])
    upgrade = load(path)
    assert upgrade.name == "statuses"
    (operation,) = upgrade.operations
    assert isinstance(operation, ReplaceColumns) and operation.title == "user: enabled -> status"
    made = operation.bridge.settle({"enabled": True, "status": "locked"}, new_side=True)
    assert made == {"enabled": False, "status": "locked"}
