"""A Fernet key repository of Keystone on disk: files named by numbers (``common/fernet_utils.py``)."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from keystone_viaduct.errors import KeyRepositoryError
from keystone_viaduct.sync.keyset.converge import next_writes
from keystone_viaduct.sync.keyset.model import Keyset, State, fingerprint

LOG = logging.getLogger(__name__)
#: Name -> the section of keystone.conf that says where it is.
REPOSITORIES = {"tokens": "fernet_tokens", "receipts": "fernet_receipts"}


class KeyRepository:
    """One folder of keys. ``settle``: seconds between the steps of a change, for readers to end."""

    def __init__(self, folder: str | os.PathLike[str], settle: float = 1.0) -> None:
        self.folder = Path(folder)
        self.settle = settle
        self._said: set[str] = set()

    def slots(self) -> dict[int, str]:
        """Number -> key. Raises KeyRepositoryError."""
        try:
            found = {int(path.name): path for path in self.folder.iterdir() if path.name.isdecimal()}
            keys = {number: path.read_text(encoding="ascii").strip() for number, path in found.items()}
        except (OSError, UnicodeDecodeError) as error:
            raise KeyRepositoryError(
                f"the key repository {self.folder} can't be read: {error}",
                hint="`keystone-manage fernet_setup` makes it; Keystone's user must own it",
            ) from error
        return {number: key for number, key in keys.items() if key}

    def state(self) -> State:
        """What it holds, as fingerprints. Raises KeyRepositoryError, also when it holds no key in use."""
        slots = self.slots()
        if max(slots, default=0) == 0:
            raise KeyRepositoryError(
                f"the key repository {self.folder} holds no keys", hint="run `keystone-manage fernet_setup`"
            )
        primary, staged = fingerprint(slots[max(slots)]), fingerprint(slots.get(0, ""))
        others = frozenset(fingerprint(key) for key in slots.values()) - {primary, staged}
        return State(staged, primary, others)

    def converge(self, target: Keyset, now: float) -> float:
        """Do what may be done at ``now`` (seconds); returns the seconds to wait before calling again, 0.0
        when nothing is left. Raises KeyRepositoryError.
        """
        slots = self.slots()
        writes = next_writes(slots, target)
        if not writes:
            return 0.0
        self._warn_of(slots, target)
        wait = self.settle - abs(now - self._newest())
        if wait > 0:
            return wait
        for number, key in sorted(writes.items()):
            self._write(number, key)
        return self.settle

    def _warn_of(self, slots: Mapping[int, str], target: Keyset) -> None:
        """Of keys in use, or next to be used, that the fleet knows nothing of: each once."""
        strange = {fingerprint(slots[n]) for n in (0, max(slots, default=0)) if slots.get(n)}
        strange -= {fingerprint(key) for key in target.keys}
        if strange - self._said:
            LOG.warning(
                "%s holds keys that are not the fleet's (%s): they give way. So it is when a site joins; "
                "later somebody has run `keystone-manage fernet_rotate` or `fernet_setup` here, where "
                "`viaduct keys rotate` is meant",
                self.folder,
                ", ".join(sorted(strange)),
            )
        self._said |= strange

    def _newest(self) -> float:
        stamps = [path.stat().st_mtime for path in self.folder.iterdir() if path.name.isdecimal()]
        return max(stamps, default=0.0)

    def _write(self, number: int, key: str) -> None:
        """Beside its name, then renamed: a reader sees the old key or the new one. The owner stays."""
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(key)
                    file.flush()
                    os.fsync(file.fileno())
                self._hand_over(temporary)
                os.replace(temporary, self.folder / str(number))
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise KeyRepositoryError(
                f"key {number} can't be written to {self.folder}: {error}",
                hint="Keystone's user needs to write there, and space on the disk",
            ) from error

    def _hand_over(self, file: str) -> None:
        owner = self.folder.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(file, owner.st_uid, owner.st_gid)
