"""Children on a leash end with us, whatever ends us; ports are kept."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from keystone_viaduct.demo.leash import Leashed, Port, tail

WATCHER = """
import os, signal, sys
fd = int(os.environ["VIADUCT_LEASH_FD"])
print("holding", flush=True)
os.read(fd, 1)
print("let go", flush=True)
"""

GRANDCHILD = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""


LEASHED = """
import os, pathlib, sys
from keystone_viaduct.demo.leash import Leashed
command = [sys.executable, "-u", "-m", "keystone_viaduct.demo.leashed", "tests.unit.demo.sleeper", "north"]
child = Leashed(command, env=dict(os.environ), log=pathlib.Path(sys.argv[1]))
child.wait()
"""


def start(script: str, log: Path) -> Leashed:
    return Leashed([sys.executable, "-u", "-c", script], env=dict(os.environ), log=log)


def wait_for(log: Path, text: str) -> None:
    """Follow the log by the kernel's own wait: `tail -F` ends when the text is there."""
    subprocess.run(
        ["timeout", "20", "sh", "-c", f"tail -n +1 -F {log} 2>/dev/null | grep -q -m1 '{text}'"], check=True
    )


def ends(watched: int) -> bool:
    """Whether the process of this pidfd ends within 10 seconds."""
    return bool(select.select([watched], [], [], 10)[0])


def test_the_leash_is_let_go_when_the_parent_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    parent = textwrap.dedent(f"""
        import os, pathlib, sys
        from keystone_viaduct.demo.leash import Leashed
        script = {WATCHER!r}
        child = Leashed([sys.executable, "-c", script], env=dict(os.environ), log=pathlib.Path({str(log)!r}))
        child.wait()
    """)
    process = subprocess.Popen([sys.executable, "-c", parent])
    wait_for(log, "holding")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(log, "let go")


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    log = tmp_path / "group.log"
    child = start(GRANDCHILD, log)
    wait_for(log, "up")
    grandchild = int(log.read_text().split()[0])
    watched = os.pidfd_open(grandchild)
    child.stop()
    assert ends(watched)
    os.close(watched)
    child.stop()


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    log = tmp_path / "deaf.log"
    child = start(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(600)", log
    )
    wait_for(log, "deaf")
    child.stop(grace=0.1)
    assert child.poll() == -signal.SIGKILL


def test_a_port_stays_ours_though_nobody_listens_on_it() -> None:
    port = Port()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.number))
    assert port.number not in {Port().number for _ in range(50)}
    with socket.create_server(("127.0.0.1", port.number)):
        socket.create_connection(("127.0.0.1", port.number)).close()
    port.release()


def test_tail_shows_the_end_of_a_log_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n".join(str(number) for number in range(100)))
    assert tail(tmp_path / "log", 3) == "97\n98\n99"
    assert tail(tmp_path / "absent") == ""


def test_any_module_ends_with_us_when_it_is_run_leashed(tmp_path: Path) -> None:
    log = tmp_path / "sleeper.log"
    process = subprocess.Popen([sys.executable, "-c", LEASHED, str(log)], cwd=Path(__file__).parents[3])
    wait_for(log, "asleep")
    name, number = log.read_text().split()[1:]
    assert name == "north"
    watched = os.pidfd_open(int(number))
    process.kill()
    process.wait()
    assert ends(watched)
    os.close(watched)
