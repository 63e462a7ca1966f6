"""Reads the file in which an upgrade is declared: Python that leaves an ``UPGRADE`` behind."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from pathlib import Path

from keystone_viaduct.errors import BadDeclaration, UpgradeError

from .steps import Operation, Upgrade


def load(path: Path) -> Upgrade:
    """The upgrade that a file declares. Raises BadDeclaration."""
    if not path.is_file():
        raise BadDeclaration(f"there is no file {path}", hint="give the file that declares the upgrade")
    try:
        found = runpy.run_path(str(path)).get("UPGRADE")
    except UpgradeError:
        raise
    except Exception as error:
        raise BadDeclaration(
            f"{path} can't be read: {type(error).__name__}: {error}",
            hint="mend the file; nothing was changed",
        ) from error
    if isinstance(found, Upgrade):
        return found
    if isinstance(found, Sequence) and found:
        return Upgrade(path.stem, tuple(_operation(path, item) for item in found))
    raise BadDeclaration(f"{path} declares no UPGRADE", hint="end it by UPGRADE = Upgrade(name, (…,))")


def _operation(path: Path, item: object) -> Operation:
    if not hasattr(item, "steps") or not hasattr(item, "title"):
        raise BadDeclaration(f"{path}: {item!r} is no operation", hint="use those of upgrade.operations")
    return item
