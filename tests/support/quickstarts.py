"""Python programs that tests start begin as forks of a process that has imported Keystone already.

:func:`install` puts itself where :mod:`subprocess` starts a process, so that whoever starts one (a test, or
the product in the tests' process) does it as ever and gets an ordinary ``Popen``. There is a fork server for
each environment, started when it is first wanted. What could tell the difference is started as ever, see
:func:`_program`: so is all with ``VIADUCT_COLD_STARTS=1`` in the environment. A program that starts others
does that so, too, if a test gives it :data:`NESTED` in its environment.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.forkserver import HEADER, NESTED, received

__all__ = ["COLD", "NESTED", "Quickstarts", "install"]

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("forkserver.py")
SCRIPTS = frozenset({"gunicorn", "keystone-manage", "viaduct"})
COLD = "VIADUCT_COLD_STARTS"
_KNOWN = frozenset({"PYTHONPATH", "PYTHONWARNINGS", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"})
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


class _Start(NamedTuple):
    """The arguments of ``subprocess._fork_exec``."""

    args: list[Any]
    executables: tuple[bytes, ...]
    close_fds: bool
    pass_fds: tuple[int, ...]
    cwd: Any
    env: list[bytes] | None
    stdin: int
    stdin_ours: int
    stdout_ours: int
    stdout: int
    stderr_ours: int
    stderr: int
    report_read: int
    report_write: int
    restore_signals: bool
    session: bool
    group: int
    gid: Any
    gids: Any
    uid: Any
    umask: int
    prepare: Any
    vfork: bool

    @property
    def is_plain(self) -> bool:
        """Whether it asks for nothing that only a process of its own could do before it is a program."""
        odd = self.prepare, self.gid, self.gids, self.uid
        return self.close_fds and self.group < 0 and self.umask < 0 and all(part is None for part in odd)

    def environment(self) -> dict[str, str]:
        """The program's environment."""
        if self.env is None:
            return dict(os.environ)
        return dict(os.fsdecode(pair).split("=", 1) for pair in self.env)

    def descriptors(self) -> dict[int, int]:
        """Which descriptor of ours the program has under which number."""
        standard = zip(range(3), (self.stdin, self.stdout, self.stderr), strict=True)
        passed = {number: number for number in self.pass_fds if number != self.report_write}
        return passed | {number: number if ours < 0 else ours for number, ours in standard}


class _Server:
    """The fork server of one environment; ``process`` None: it ends by itself when the connection does."""

    def __init__(self, connection: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._connection, self._process = connection, process

    @classmethod
    def started(cls, folder: str) -> _Server:
        """A new one; ``folder`` is the environment's ``bin``."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [f"{folder}/python", str(PROGRAM), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**kept, COLD: "1"},
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
            )
        return cls(ours, process)

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        """Pid of the program, which is a child of this process."""
        body = json.dumps(request).encode()
        prctl = ctypes.CDLL(None).prctl
        prctl(_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._connection, [len(body).to_bytes(HEADER, "big")], descriptors)
            self._connection.sendall(body)
            answer = received(self._connection, 2 * HEADER)
        except OSError as error:
            raise RuntimeError(f"the fork server ended; {COLD}=1 does without: {error}") from error
        finally:
            prctl(_SUBREAPER, 0, 0, 0, 0)
        return int.from_bytes(answer[:HEADER], "big")

    def stop(self) -> None:
        """End it; what it has forked goes on."""
        self._connection.close()
        if self._process is not None:
            self._process.wait()


class Quickstarts:
    """Decides about each start, and holds the fork servers of this process."""

    def __init__(self, otherwise: Callable[..., int], own: socket.socket | None = None) -> None:
        self._otherwise = otherwise
        self._owner = os.getpid()
        self._servers: dict[str, _Server] = {}
        if own is not None:
            self._servers[os.path.dirname(sys.executable)] = _Server(own)
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> int:
        """Stands for ``subprocess._fork_exec``."""
        request = self._request(arguments)
        if request is None:
            return self._otherwise(*arguments)
        wanted = _Start(*arguments).descriptors()
        request["descriptors"] = list(wanted)
        folder = os.path.dirname(request["command"][0])
        with self._lock:
            server = self._servers.get(folder)
            if server is None:
                server = self._servers[folder] = _Server.started(folder)
            return server.fork(request, list(wanted.values()))

    def _request(self, arguments: tuple[Any, ...]) -> dict[str, Any] | None:
        """What the fork server is to do; None if the program is to be started as ever."""
        if len(arguments) != len(_Start._fields) or os.getpid() != self._owner:
            return None
        start = _Start(*arguments)
        environment = start.environment()
        cwd = os.getcwd() if start.cwd is None else os.fsdecode(start.cwd)
        program = _program([os.fsdecode(part) for part in start.args])
        if program is None or not start.is_plain or not _is_ordinary(environment) or not os.path.isdir(cwd):
            return None
        told = [text for text in environment.get("PYTHONWARNINGS", "").split(",") if text]
        return {
            **program,
            "session": bool(start.session),
            "cwd": os.path.abspath(cwd),
            "environment": environment,
            "path": _path(environment),
            "warnings": told + program["warnings"],
            "unbuffered": program["unbuffered"] or bool(environment.get("PYTHONUNBUFFERED")),
        }

    def stop(self) -> None:
        """End the fork servers."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()


def _program(command: list[str]) -> dict[str, Any] | None:
    """What a command line runs; None where that is no Python, or one told to differ (as by ``-I``)."""
    folder, name = os.path.split(command[0])
    if folder != os.path.dirname(sys.executable) and Path(folder).parent.parent != ROOT / ".venvs":
        return None
    given = {"command": command, "unbuffered": False, "warnings": []}
    if name in SCRIPTS:
        return {**given, "kind": "file", "what": command[0], "arguments": command[1:]}
    left = command[1:]
    while left[:1] == ["-u"] or left[:2] == ["-W", "ignore"]:
        if left[0] == "-u":
            given["unbuffered"] = True
        else:
            given["warnings"] = ["ignore"]
        left = left[1 if left[0] == "-u" else 2 :]
    if (
        name not in {"python", os.path.basename(sys.executable)}
        or len(left) < 2
        or left[0] not in {"-m", "-c"}
    ):
        return None
    return {**given, "kind": left[0], "what": left[1], "arguments": left[2:]}


def _path(environment: dict[str, str]) -> list[str]:
    return [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]


def _is_ordinary(environment: dict[str, str]) -> bool:
    """Whether a new interpreter would do, and import, with it what the fork server has."""
    if COLD in environment or environment.get("PYTHONWARNINGS", "ignore") not in {"", "ignore"}:
        return False
    if not {os.path.abspath(part) for part in _path(environment)} <= {str(ROOT)}:
        return False  # another Keystone, perhaps
    if any(name.startswith("PYTHON") and name not in _KNOWN for name in environment):
        return False
    return _of_interpreter(environment) == _of_interpreter(os.environ)


def _of_interpreter(environment: Any) -> dict[str, str]:
    """What the loader and the interpreter look at: libraries loaded before others, and the locale."""
    return {name: text for name, text in environment.items() if name.startswith(("LD_", "LC_", "LANG"))}


def install(own: socket.socket | None = None) -> Callable[[], None]:
    """From now on this process starts Python programs so; returns what ends that. ``own``: the connection to
    a server of this environment that is there already.
    """
    if os.environ.get(COLD) or not sys.platform.startswith("linux"):
        return lambda: None
    before = subprocess._fork_exec  # type: ignore[attr-defined]
    starts = Quickstarts(before, own)
    subprocess._fork_exec = starts  # type: ignore[attr-defined]
    subprocess._USE_POSIX_SPAWN = False  # type: ignore[misc]

    def end() -> None:
        subprocess._fork_exec = before  # type: ignore[attr-defined]
        starts.stop()

    return end
