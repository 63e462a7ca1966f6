"""A process that has imported Keystone and what it stands on, and forks the Python programs that tests start.

To import Keystone takes seconds of processor time, and most programs that tests start do it. A program that
is forked here runs in a process of its own, as any other does: pid, environment, working directory,
descriptors, session, ``sys.argv``, ``sys.path``, ``__main__``. What has been imported is other people's, and
what of Viaduct does nothing when it is imported; a program that would find another Viaduct imports that.

    python forkserver.py DESCRIPTOR

``tests.support.quickstarts`` holds the other end of the socket. This file uses only Python's standard
library, for it runs in the environments of all releases.

A program that starts others itself (a demo with its Keystones) gets a fork server of its own, if its
environment has ``VIADUCT_NESTED_STARTS``: a fork of itself, before it has done anything.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import sys
import time
import types
import warnings
from importlib.metadata import distributions
from typing import Any

# None of them reads arguments, the environment or the configuration when it is imported, nor opens anything.
LIBRARIES = (
    "keystone.cmd.cli",
    "keystone.server.wsgi",
    "keystone.server.flask.application",
    "keystone.api",
    "keystone.common.sql.migrations",
    "alembic.command",
    "click",
    "httpx",
    "keystoneauth1.session",
    "nacl.bindings",
    "oslo_log.formatters",
    "openstack",
    "psycopg2",
    "pymysql",
    "rich.console",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "sqlalchemy.dialects.sqlite",
    "yaml",
    "zstandard",
)
OURS = (
    "keystone_viaduct.cli.main",
    "keystone_viaduct.documents.codec",
    "keystone_viaduct.sync.site",
    "keystone_viaduct.sync.store",
    "keystone_viaduct.sync.wire",
    "keystone_viaduct.triggers",
)
# beside all of auth: what a Keystone loads by these names when it starts
DRIVERS = frozenset({"sql", "fernet", "default", "templated"})
HEADER = 8  # bytes: the length of what follows
NESTED = "VIADUCT_NESTED_STARTS"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def main() -> None:
    """Import, then be a fork server; a forked process returns from there and becomes the program."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    del sys.path[0]  # this folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the session, whose end is ours
    warnings.simplefilter("ignore")
    import_libraries()
    if len(os.listdir("/proc/self/task")) > 1:
        sys.exit("what was imported has started a thread: a fork would not have it")
    gc.collect()
    gc.freeze()  # a collection would write to, and so copy, each page that is shared
    become(*serve(connection))


def import_libraries() -> None:
    """Import what this environment has of it."""
    names = [*LIBRARIES, *OURS]
    for entry in (entry for found in distributions() for entry in found.entry_points):
        if entry.group.startswith("keystone.") and entry.value.startswith("keystone."):
            if entry.name in DRIVERS or entry.group.startswith("keystone.auth"):
                names.append(entry.module)
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # another release, or a driver of a library that is not here


def serve(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request, until the other end is closed; returns in what was forked."""
    while True:
        head, given, _, _ = socket.recv_fds(connection, HEADER, 64)
        if not head:
            os._exit(0)
        request = json.loads(received(connection, int.from_bytes(head, "big")))
        gate, opener = os.pipe()
        # The process between ends at once, and the kernel gives its child to the session, which has asked for
        # it: so the session waits for a child of its own, as for any other.
        between = os.fork()
        if between == 0:
            program = os.fork()
            if program == 0:
                os.close(opener)
                os.read(gate, 1)  # until that has happened
                return request, given
            connection.send(program.to_bytes(HEADER, "big"))
            os._exit(0)
        os.waitpid(between, 0)
        connection.send(b"\0" * HEADER)
        for descriptor in (gate, opener, *given):
            os.close(descriptor)


def keep_what_holds(added: list[str]) -> None:
    """After folders came in front of ``sys.path``: entry points that are known, and our own modules.

    stevedore reads the entry points of all distributions anew for each path, which takes it 0.7 s; a folder
    without a distribution changes none of them.
    """
    here = [folder for folder in added if os.path.isdir(folder or ".")]
    cache = getattr(sys.modules.get("stevedore._cache"), "_c", None)
    known = getattr(cache, "_internal", {}).get(tuple(sys.path[len(added) :]))
    if known and not any(
        name.endswith((".dist-info", ".egg-info")) for folder in here for name in os.listdir(folder or ".")
    ):
        cache._internal[tuple(sys.path)] = known  # type: ignore[union-attr]
    package = sys.modules.get("keystone_viaduct")
    ours = os.path.realpath(package.__path__[0]) if package else ""
    found = (os.path.join(folder, "keystone_viaduct") for folder in here)
    if any(os.path.isdir(folder) and os.path.realpath(folder) != ours for folder in found):
        for name in [name for name in sys.modules if name.partition(".")[0] == "keystone_viaduct"]:
            del sys.modules[name]


def received(connection: socket.socket, length: int) -> bytes:
    """So many bytes; raises ConnectionError where the other end has ended."""
    parts = []
    while length:
        part = connection.recv(length)
        if not part:
            raise ConnectionError("the other end of the socket is closed")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def become(request: dict[str, Any], given: list[int]) -> None:
    """Make of this process what Python makes of itself when it starts, and run the program."""
    server = nested(given) if request["environment"].pop(NESTED, "") else -1
    if request["session"]:
        os.setsid()
    server = place(given, request["descriptors"], server)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    set_streams(request["unbuffered"])
    set_warnings(request["warnings"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    kind, what, arguments = request["kind"], request["what"], request["arguments"]
    first = {"-m": request["cwd"], "-c": "", "file": os.path.dirname(os.path.realpath(what))}[kind]
    added = [first, *request["path"]]
    sys.path[:] = [*added, *sys.path]
    keep_what_holds(added)
    sys.argv[:] = [what if kind == "file" else kind, *arguments]
    sys.orig_argv[:] = request["command"]
    if server >= 0:
        start_quickly(server)
    run(kind, what)


def nested(given: list[int]) -> int:
    """Fork a server for what this program will start; the descriptor of the socket to it. It ends with it."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        for descriptor in (ours.detach(), *given):
            os.close(descriptor)
        become(*serve(theirs))
        sys.exit()
    theirs.close()
    return ours.detach()


def start_quickly(server: int) -> None:
    """Have this process start Python programs by its own server."""
    before = list(sys.path)
    sys.path.insert(0, ROOT)
    from tests.support import quickstarts

    sys.path[:] = before
    quickstarts.install(socket.socket(fileno=server))


def place(given: list[int], wanted: list[int], kept: int) -> int:
    """Move the descriptors that were given to the numbers that are wanted, and close all others but the one
    that is kept (-1: none), whose number is returned.
    """
    high = max(*wanted, *given) + 1
    if kept >= 0:
        kept = fcntl.fcntl(kept, fcntl.F_DUPFD_CLOEXEC, high + len(given))
    for at, descriptor in enumerate(given):
        os.dup2(descriptor, high + at)
    for at, number in enumerate(wanted):
        os.dup2(high + at, number, inheritable=True)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in wanted and number != kept:
            try:
                os.close(number)
            except OSError:
                continue  # that of the listing itself
    return kept


def set_streams(unbuffered: bool) -> None:
    """Standard output and error for what is behind them now."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        was = getattr(sys, name)
        if unbuffered:
            raw = io.FileIO(number, "w", closefd=False)
            made = io.TextIOWrapper(raw, was.encoding, was.errors, write_through=True)
        else:
            made = was
            made.reconfigure(line_buffering=number == 2 or os.isatty(number))
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)


def set_warnings(options: list[str]) -> None:
    """Ignore them, as while importing, if the program was told to."""
    sys.warnoptions[:] = options
    if not options:
        warnings.filters.remove(("ignore", None, Warning, None, 0))  # type: ignore[attr-defined]
        warnings._filters_mutated()  # type: ignore[attr-defined]


def run(kind: str, what: str) -> None:
    """Run it as ``__main__``; how it ends is how this process ends."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    if kind == "-m":
        runpy._run_module_as_main(what)  # type: ignore[attr-defined]
    elif kind == "-c":
        exec(compile(what, "<string>", "exec"), module.__dict__)
    else:
        module.__file__ = what
        with io.open_code(what) as file:
            code = compile(file.read(), what, "exec")
        exec(code, module.__dict__)


if __name__ == "__main__":
    main()
