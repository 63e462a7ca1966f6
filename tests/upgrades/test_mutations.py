"""Without any clause of its rules a bridge does wrong, and a test says so: those that need no server here."""

from __future__ import annotations

import subprocess
import sys

from tests.upgrades.mutations import MUTATIONS, RULES


def test_each_rule_is_broken_in_more_than_one_way() -> None:
    assert {rule: sum(item.rule == rule for item in MUTATIONS) > 1 for rule in RULES} == dict.fromkeys(
        RULES, True
    )


def test_a_broken_rule_is_noticed() -> None:
    """In a process of its own: pytest plays tests there. The others: `make test-upgrade-rules`."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.upgrades.mutations", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "missed=0 left_out=0" in done.stdout
