"""A program that is forked is a process as any other, and what would notice a fork is not forked."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.support import quickstarts

pytestmark = pytest.mark.skipif(quickstarts.COLD in os.environ, reason="told to start everything as ever")

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
FORKED = "import sys; print('keystone' in sys.modules)"


def python(
    *arguments: str, stdin: str = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **environment},
        cwd=cwd,
        check=False,
    )


def printed(code: str, *arguments: str, stdin: str = "", cwd: Path | None = None, **environment: str) -> str:
    done = python("-c", code, *arguments, stdin=stdin, cwd=cwd, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.rstrip("\n")


def test_keystone_is_there_already_and_of_ours_what_does_nothing_by_itself() -> None:
    assert printed(FORKED) == "True"
    ours = (
        "import sys; print({name.partition('.')[0] for name in sys.modules} & {'keystone_viaduct', 'tests'})"
    )
    assert printed(ours) == "{'keystone_viaduct'}"
    assert printed("import sys; print('keystone_viaduct.wsgi' in sys.modules)") == "False"


def test_another_viaduct_is_imported_where_a_program_would_find_it(tmp_path: Path) -> None:
    folder = tmp_path / "keystone_viaduct"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "program.py").write_text("print('the other')")
    out = python("-m", "keystone_viaduct.program", cwd=tmp_path)
    assert (out.returncode, out.stdout) == (0, "the other\n")


def test_entry_points_are_read_again_only_where_there_may_be_more(tmp_path: Path) -> None:
    """A folder in front of all others has none, or a distribution with its own."""
    code = "import stevedore; print(sorted(stevedore.ExtensionManager('viaduct.odd').names()))"
    assert (
        printed("import stevedore._cache as c, sys; print(tuple(sys.path) in c._c._internal)", cwd=tmp_path)
        == "True"
    )
    assert printed(code, cwd=tmp_path) == "[]"
    made = tmp_path / "odd-1.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (made / "entry_points.txt").write_text("[viaduct.odd]\nfound = os:path\n")
    assert printed(code, cwd=tmp_path) == "['found']"


def test_arguments_and_environment_are_its_own() -> None:
    code = "import os, sys; print(sys.argv, sys.path[0], os.environ['GIVEN'], 'PYTEST_VERSION' in os.environ)"
    environment = {name: text for name, text in ENVIRONMENT.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-c", code, "one", "two"],
        env={**environment, "GIVEN": "here"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == "['-c', 'one', 'two']  here False\n"


def test_input_output_and_exit_status_are_its_own() -> None:
    code = "import sys; sys.stderr.write(input()); print(input()); sys.exit(7)"
    done = python("-c", code, stdin="one\ntwo\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "two\n", "one")


def test_an_exception_is_shown_and_is_status_1() -> None:
    done = python("-c", "raise ValueError('as ever')")
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: as ever\n")


def test_what_was_left_to_the_end_of_the_process_is_done() -> None:
    later = "threading.Timer(0.05, print, ['late']).start()"
    code = f"import atexit, threading\natexit.register(print, 'bye')\n{later}"
    assert printed(code) == "late\nbye"


def test_a_module_is_run_as_main(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys; print(__name__, __spec__.name, sys.argv)")
    command = [sys.executable, "-m", "program", "x"]
    out = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert out.stdout == f"__main__ program ['{tmp_path}/program.py', 'x']\n"
    assert "No module named no_such" in python("-m", "no_such").stderr


def test_a_script_of_the_environment_is_run() -> None:
    script = Path(sys.executable).with_name("keystone-manage")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.startswith("30.")


def test_warnings_are_shown_unless_they_are_ignored() -> None:
    code = "import warnings; warnings.warn('look')"
    assert "UserWarning: look" in python("-c", code).stderr
    assert python("-W", "ignore", "-c", code).stderr == ""
    assert python("-c", code, PYTHONWARNINGS="ignore").stderr == ""


def test_it_is_a_child_of_ours_that_can_be_killed() -> None:
    command = [sys.executable, "-c", "import os; print(os.getppid(), os.getsid(0), flush=True); input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == f"{os.getpid()} {program.pid}\n"
        assert program.poll() is None
        program.kill()
        assert program.wait() == -signal.SIGKILL


def test_descriptors_are_passed_on_as_told_and_no_others() -> None:
    ours, theirs = os.pipe()
    code = (
        "import os, sys; os.write(int(sys.argv[1]), ' '.join(sorted(os.listdir('/proc/self/fd'))).encode())"
    )
    command = [sys.executable, "-c", code, str(theirs)]
    subprocess.run(command, check=True, pass_fds=[theirs], stdin=subprocess.DEVNULL)
    os.close(theirs)
    seen = os.read(ours, 100).decode().split()
    os.close(ours)
    listing = 1
    assert {"0", "1", "2", str(theirs)} <= set(seen)
    assert len(seen) == 4 + listing


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["-I"], {}),
        ([], {quickstarts.COLD: "1"}),
        ([], {"LD_PRELOAD": "libm.so.6"}),
        ([], {"LC_ALL": "POSIX"}),
        ([], {"PYTHONHASHSEED": "1"}),
        ([], {"PYTHONPATH": "/tmp"}),
    ],
    ids=str,
)
def test_what_a_fork_could_not_be_is_started_as_ever(options: list[str], environment: dict[str, Any]) -> None:
    done = python(*options, "-c", FORKED, **environment)
    assert done.stdout == "False\n"


def test_a_child_that_a_test_forks_starts_its_own_programs_as_ever() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, python("-c", FORKED).stdout.encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 100) == b"False\n"
    os.close(reading)
    os.close(writing)


def test_a_missing_folder_or_program_is_an_error_as_ever(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        subprocess.run([sys.executable, "-c", "pass"], cwd=tmp_path / "absent", check=True)
    with pytest.raises(FileNotFoundError):
        subprocess.run([str(Path(sys.executable).with_name("absent")), "-c", "pass"], check=True)


def test_a_session_that_is_killed_leaves_no_fork_server(tmp_path: Path) -> None:
    session = textwrap.dedent("""
        import os, subprocess, sys
        from tests.support import quickstarts
        quickstarts.PROGRAM = quickstarts.Path(sys.argv[1])
        quickstarts.install()
        subprocess.run([sys.executable, "-c", "pass"])
        os.write(2, b".")
        input()
    """)
    bare = tmp_path / "forkserver.py"  # imports nothing, and says who it is
    text = quickstarts.PROGRAM.read_text().replace(
        "    import_libraries()\n", "    os.write(2, b'%d' % os.getpid())\n"
    )
    bare.write_text(text)
    command = [sys.executable, "-c", session, str(bare)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT
    ) as owner:
        assert owner.stderr is not None
        said = ""
        while not said.endswith("."):
            said += owner.stderr.read(1)
        watched = os.pidfd_open(int(said[:-1]))
        owner.kill()
        assert select.select([watched], [], [], 30)[0], "the fork server outlived its session"
        os.close(watched)


def test_what_a_program_starts_is_forked_too_if_a_test_wants_that() -> None:
    """The nested server ends with the program, also where that is killed."""
    code = """
        import os, subprocess, sys
        told = "'VIADUCT_NESTED_STARTS' in os.environ"
        inner = f"import os, sys; print('keystone' in sys.modules, os.getppid(), {told})"
        print(os.getpid(), eval(told))
        done = subprocess.run([sys.executable, '-c', inner], stdout=subprocess.PIPE, text=True)
        print(done.stdout, done.returncode)
        print(subprocess.run([sys.executable, '-c', 'raise SystemExit(7)']).returncode, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = python("-c", textwrap.dedent(code), cwd=ROOT, **{quickstarts.NESTED: "1"})
    first, forked, ended, exited = (line for line in done.stdout.splitlines() if line)
    pid, kept = first.split()
    assert kept == "False" and forked == f"True {pid} False"
    assert (ended.strip(), exited, done.returncode) == ("0", "7", -signal.SIGKILL)
