"""Who holds the lease of upgrades: a process, which others on its machine can look for."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def myself() -> str:
    """``host:pid:start`` of this process; ``start`` tells it from a later one with its number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(holder: str) -> bool:
    """Whether the process is known to have ended; False for one on another machine."""
    host, _, rest = holder.partition(":")
    number, _, started = rest.partition(":")
    if host != socket.gethostname() or not number.isdigit() or not Path("/proc").is_dir():
        return False
    return _started(int(number)) != started


def _started(pid: int) -> str:
    """The kernel's start time of a process; empty if there is none, or only what is left of it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]
