"""What was decided, written down before the first change, and the map of ids for other services.

Whether a move was made is not written anywhere: the database tells (the old id is there or it is not), and
its transaction made it so as a whole. So a run that was killed is taken up by making the moves that are left.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.registry import get

from .verdict import Move

FORMAT = "viaduct-adopt 1"
Ids = Mapping[str, Mapping[str, str]]
"""kind -> old id -> new id."""


class Journal:
    """The moves of an unfinished run. Raises ConfigError when the file is another site's, or none."""

    def __init__(self, path: Path, site: str) -> None:
        self.path = path
        self._site = site

    def begin(self, moves: Sequence[Move]) -> None:
        """From now on these moves are to be made, whatever happens."""
        write_json(
            self.path, {"format": FORMAT, "site": self._site, "moves": [asdict(move) for move in moves]}
        )

    def unfinished(self) -> list[Move]:
        """The moves of a run that was not finished."""
        return read_moves(self.path, self._site) if self.path.exists() else []

    def finish(self) -> None:
        """All is done."""
        self.path.unlink(missing_ok=True)


def save_moves(path: Path, site: str, moves: Iterable[Move]) -> None:
    """Write moves to be made at ``site``, for ``viaduct adopt SITE --moves FILE``."""
    write_json(path, {"format": FORMAT, "site": site, "moves": [asdict(move) for move in moves]})


def read_moves(path: Path, site: str) -> list[Move]:
    """The opposite of :func:`save_moves`. Raises ConfigError."""
    found = read_json(path)
    if found.get("format") != FORMAT:
        raise ConfigError(f"{path} holds no moves", hint="it is made by 'viaduct adopt'")
    if found.get("site") != site:
        raise ConfigError(
            f"{path} was made for the site {found.get('site')}, not for {site}", hint="compare the names"
        )
    return [Move(**move) for move in found["moves"]]


def save_aliases(path: Path, site: str, hub: str, moves: Iterable[Move]) -> None:
    """Add moves to the map old -> new that other services need; ids moved twice lead to their last one."""
    ids: dict[str, dict[str, str]] = read_json(path).get("ids", {}) if path.exists() else {}
    for move in moves:
        kind, known = get(move.kind), ids.setdefault(move.kind, {})
        (before,), (after,) = kind.split_key(move.old), kind.split_key(move.new)
        for old, new in known.items():
            if new == before:
                known[old] = after
        known[before] = after
    write_json(path, {"format": "viaduct-ids 1", "site": site, "hub": hub, "ids": ids})


def ids_of(moves: Iterable[Move]) -> dict[str, dict[str, str]]:
    """kind -> old -> new."""
    found: dict[str, dict[str, str]] = {}
    for move in moves:
        found.setdefault(move.kind, {})[move.old] = move.new
    return found


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises ConfigError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {error}", hint="give the file that adopt wrote") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} holds no JSON object", hint="give the file that adopt wrote")
    return found


def write_json(path: Path, value: object) -> None:
    """Write it as a whole or not at all, and surely to the disk."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as out:
        json.dump(value, out, indent=2, sort_keys=True)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(part, path)
