"""Runs any program on a leash: ``python held.py COMMAND...`` ends it when whoever started it has ended.

What is on a :class:`keystone_viaduct.demo.leash.Leashed` has to watch the leash itself. Programs that are not
ours (slapd, HAProxy, PgBouncer) know nothing of it, and would outlive a test session that is killed; so this
one watches for them, as their parent. Only Python's standard library.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence

STOP_SECONDS = 5.0
LEASH_FD = "VIADUCT_LEASH_FD"


def held(command: Sequence[str]) -> list[str]:
    """The command that runs this one on a leash."""
    return [sys.executable, "-I", __file__, *command]


def main(command: Sequence[str]) -> int:
    """Run it until it ends, the leash is let go, or this program is asked to end; the exit status."""
    leash = int(os.environ[LEASH_FD])
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(child.pid)
    select.select([leash, ended, woken], [], [])
    child.terminate()  # (nothing, if it has ended)
    try:
        return child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
