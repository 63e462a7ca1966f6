"""Processes that can't outlive us, and ports that nobody else takes.

A child on a leash ends when this process ends, in whatever way: it holds the reading end of a pipe of ours,
and the kernel closes our end for us even on ``kill -9``. (Linux' parent-death signal would follow the
*thread* that forked.)
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Names the descriptor that a child is to watch; see :func:`keystone_viaduct.demo.layout.gunicorn_conf`.
LEASH_FD = "VIADUCT_LEASH_FD"
#: Seconds that a process group gets to end in order before it is killed.
GRACE = 10.0


class Port:
    """A free TCP port on the loopback, kept from other programs as long as this object lives.

    The socket is bound but never listens, so a connection to a stopped server is refused as usual, and a
    server that sets ``SO_REUSEADDR`` (as gunicorn does) can listen there meanwhile.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Give the port back."""
        self._socket.close()


class Leashed:
    """One child process with a session (so a process group) of its own, its output in a file, on a leash."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> None:
        held, self._ours = os.pipe()
        try:
            with log.open("ab") as output:
                self.process = subprocess.Popen(
                    command,
                    env={**env, LEASH_FD: str(held)},
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(held,),
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._ours)
            raise
        finally:
            os.close(held)

    @property
    def pid(self) -> int:
        """Process id, also the id of its group."""
        return self.process.pid

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises subprocess.TimeoutExpired."""
        return self.process.wait(timeout)

    def terminate(self) -> None:
        """Ask it to end; :meth:`stop` waits for that."""
        if self.poll() is None:
            self.process.terminate()

    def stop(self, grace: float = GRACE) -> None:
        """End it in order, by force after ``grace`` seconds; nothing of its group is left. Repeatable."""
        if self.poll() is None:
            self.terminate()
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                pass  # the group is killed below
        self.kill()

    def kill(self) -> None:
        """End the whole group at once, as a crash would."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # the group is empty
        self.process.wait()
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log file, for an error message; empty when there is no such file."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
