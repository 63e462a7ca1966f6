"""How often what was tried: counted in one process, read by another."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path


class Tally:
    """Counts, and keeps the file about a second behind."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._written = 0.0

    def add(self, name: str, number: int = 1) -> None:
        """One more, or some."""
        with self._lock:
            self._counts[name] += number
            if (now := time.monotonic()) - self._written >= 1.0:
                self._written = now
                part = self._file.with_suffix(".part")
                part.write_text(json.dumps(self._counts))
                part.replace(self._file)


def told(*files: Path) -> Counter[str]:
    """What stands in these files."""
    found: Counter[str] = Counter()
    for file in files:
        if file.exists():
            found.update(json.loads(file.read_text()))
    return found
