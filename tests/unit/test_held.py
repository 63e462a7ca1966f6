"""A program that knows nothing of our leash ends with whoever started it, however that was."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keystone_viaduct.demo.leash import Leashed
from tests.support.held import held

#: Says its pid to a pipe, and sleeps for longer than any test.
PROGRAM = ["/bin/sh", "-c", 'echo $$ > "$0" && exec sleep 1000']
DEADLINE = 30.0
OWNER = """
import sys
from pathlib import Path
from keystone_viaduct.demo.leash import Leashed
from tests.support.held import held
command = sys.argv[2:]
leashed = Leashed(held(command), env={"PATH": "/usr/bin:/bin"}, log=Path(sys.argv[1]))
print("started", flush=True)
sys.stdin.read()
"""


class Said:
    """A named pipe, and the process of the program that says its pid there."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "said"
        os.mkfifo(self.place)
        self._pipe = os.open(self.place, os.O_RDWR | os.O_NONBLOCK)

    def process(self) -> int:
        """Wait for it; its descriptor."""
        assert select.select([self._pipe], [], [], DEADLINE)[0], "it never began"
        pid = int(os.read(self._pipe, 20))
        os.close(self._pipe)
        return os.pidfd_open(pid)


def has_ended(process: int) -> bool:
    """Whether it ends within the deadline."""
    return bool(select.select([process], [], [], DEADLINE)[0])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_ends_with_its_owner(how: signal.Signals, tmp_path: Path) -> None:
    said = Said(tmp_path)
    command = [sys.executable, "-c", OWNER, str(tmp_path / "log"), *PROGRAM, str(said.place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == b"started\n"
        program = said.process()
        assert not select.select([program], [], [], 0)[0]
        owner.send_signal(how)
    assert has_ended(program)
    os.close(program)


def test_a_program_that_is_stopped_ends_and_its_status_is_told(tmp_path: Path) -> None:
    said = Said(tmp_path)
    command = held([*PROGRAM, str(said.place)])
    leashed = Leashed(command, env={"PATH": "/usr/bin:/bin"}, log=tmp_path / "log")
    program = said.process()
    leashed.stop()
    assert has_ended(program)
    os.close(program)
    failing = Leashed(held(["/bin/sh", "-c", "exit 7"]), env={}, log=tmp_path / "other")
    assert failing.wait(DEADLINE) == 7
    failing.stop()
