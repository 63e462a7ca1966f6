"""The conversation with a process of the new release's Python that plays its migrations (``migrator.py``)."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import suppress
from typing import Any

from keystone_viaduct.errors import UpgradeError

_ENDING_SECONDS = 10.0


class Talk:
    """Starts the process; JSON, a line at a time, both ways."""

    def __init__(self, command: list[str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by end()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def answer(self, what: object) -> None:
        """Say something to it; that it is gone shows when it is listened to."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def next(self) -> dict[str, Any]:
        """What it says. Raises UpgradeError when it has ended, or says that it failed."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {"what": "broken", "text": "it ended"}
        if told["what"] == "broken":
            self._log.seek(0)
            end = b"\n".join(self._log.read().splitlines()[-5:]).decode(errors="replace")
            raise UpgradeError(
                f"the new release's migrations can't be played: {told['text']}" + (f"\n{end}" if end else ""),
                hint="mend what it says, then go on by resume",
            )
        return told

    def end(self) -> None:
        """It ends by itself where nobody answers; it is killed in a statement that nobody wants any more."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
