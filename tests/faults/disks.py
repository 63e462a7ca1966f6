"""Small file systems of their own, so that a disk can be full. Never outlive this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: Bytes of such a file system.
SIZE = 96 * 1024 * 1024
# Unmounts when its input ends: we have closed it, or the kernel has, because we are gone, however that was.
_KEEPER = """
mount -t tmpfs -o "size=$2,mode=0700" viaduct-test "$1" || exit 1
echo mounted
trap '' INT TERM HUP
cat > /dev/null
umount -l "$1"
"""


class Disk:
    """A mounted file system of :data:`SIZE` bytes at ``place``, which has to exist.

    Raises NoDisk where this process may not mount one.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        if os.geteuid() != 0 or sys.platform != "linux":
            raise NoDisk
        self._keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, "disk-keeper", str(place), str(SIZE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"mounted\n":
            self.remove()
            raise NoDisk

    @property
    def keeper(self) -> int:
        """Pid of the process that unmounts it."""
        return self._keeper.pid

    def fill(self) -> None:
        """Not a byte is left."""
        with (self.place / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError:
                return

    def free(self) -> None:
        """Room again."""
        (self.place / "filler").unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount it."""
        self._keeper.communicate()


class NoDisk(Exception):
    """This process may not mount file systems."""
