"""Run one server for as long as a given process lives, then end it and remove its folder.

A test session that is killed, even with SIGKILL, must leave no database server behind. So no server is a
child of pytest: it is a child of this small program, which waits on the process descriptors of both.

    python guardian.py OWNER_PID FOLDER SIGNAL USER COMMAND...

FOLDER is the server's own folder and is removed; when the owner died without stopping its servers, the run
folder that holds it goes too. SIGNAL is what makes the server stop quickly; USER is the account that it runs
as, ``-`` for the present one. Only Python's standard library; only the child that was started is signalled.
"""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import subprocess
import sys

STOP_SECONDS = 10.0


def main(arguments: list[str]) -> int:
    """Start the server, wait until it, its owner or this guardian is to end, then clean up."""
    owner, folder, stop_signal, user, *command = arguments
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        owner_fd = os.pidfd_open(int(owner))
    except ProcessLookupError:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    child = _start(command, user)
    child_fd = os.pidfd_open(child.pid)
    select.select([owner_fd, child_fd, woken], [], [])
    _stop(child, child_fd, signal.Signals[stop_signal])
    abandoned = bool(select.select([owner_fd], [], [], 0)[0])
    shutil.rmtree(os.path.dirname(folder) if abandoned else folder, ignore_errors=True)
    return 0


def _start(command: list[str], user: str) -> subprocess.Popen[bytes]:
    if user == "-":
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)
    account = pwd.getpwnam(user)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        env={**os.environ, "HOME": "/nonexistent"},
    )


def _stop(child: subprocess.Popen[bytes], child_fd: int, stop_signal: signal.Signals) -> None:
    if child.poll() is None:
        child.send_signal(stop_signal)
        if not select.select([child_fd], [], [], STOP_SECONDS)[0]:
            child.kill()
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
