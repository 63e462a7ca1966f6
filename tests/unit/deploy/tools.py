"""Programs that check what is shipped: from Debian, from this environment, or from `.cache/tools`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def tool(name: str, hint: str) -> str:
    """Path of a program; the test is skipped with the hint where there is none."""
    places = [str(Path(sys.executable).parent), str(ROOT / ".cache/tools")]
    for place in (*places, None):
        found = shutil.which(name, path=place)
        if found is not None:
            return found
    pytest.skip(f"no {name}: {hint}")


def checked(
    *command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, timeout: float = 120.0
) -> str:
    """What a program printed; the test fails with it where the program did not end well."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
