"""Runs openstackclient's shell again and again after one start: its imports cost more than its commands.

As a program it reads lines of JSON, the words of a command, and answers each with its code and output.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Shell:
    """``openstack`` with the clouds of a file. ``close`` ends the process."""

    def __init__(self, clouds: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__],
            env=environment(clouds),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> Done:
        """One command."""
        told, heard = self._pipes()
        told.write(json.dumps(words) + "\n")
        told.flush()
        return Done(*json.loads(heard.readline()))

    def json(self, *words: str) -> Any:
        """What a command prints for programs."""
        done = self.run(*words, "-f", "json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def close(self) -> None:
        """End it."""
        for pipe in self._pipes():
            pipe.close()
        self._process.wait(30)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        told, heard = self._process.stdin, self._process.stdout
        assert told is not None and heard is not None
        return told, heard


def environment(clouds: Path) -> dict[str, str]:
    """With these clouds and no other account."""
    kept: Mapping[str, str] = {n: value for n, value in os.environ.items() if not n.startswith("OS_")}
    return {**kept, "OS_CLIENT_CONFIG_FILE": str(clouds), "COLUMNS": "200"}


def main() -> None:
    """Until there are no more commands."""
    from openstackclient import shell

    for line in sys.stdin:
        child = os.fork()  # openstackclient keeps the clients of the first cloud for the whole process
        if child:
            os.waitpid(child, 0)
            continue
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = shell.OpenStackShell().run(json.loads(line))
            except SystemExit as end:
                code = end.code
        print(json.dumps([int(code or 0), out.getvalue(), err.getvalue()]), flush=True)
        os._exit(0)


if __name__ == "__main__":
    main()
