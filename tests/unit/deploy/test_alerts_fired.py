"""Each alert fires on what an agent tells while its trouble is there, and is gone after the mend.

The metrics are the product's own, as it gives them before, during and after; Prometheus' own program plays
them against the rules.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from keystone_viaduct.sync.agent.metrics import metrics
from tests.unit.deploy.test_alerts import RULES, rules
from tests.unit.deploy.tools import checked, tool
from tests.unit.deploy.troubles import TROUBLES, Trouble

#: Minutes of quiet, of trouble, of quiet again.
BEFORE, DURING, AFTER = 5, 60, 40
Samples = dict[str, float]


def told(trouble: Trouble, minute: int) -> Samples:
    """What the agent tells, as if it was that minute of a test, which begins at 1970."""
    found: Samples = {}
    for family in text_string_to_metric_families(metrics(trouble.agent).decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            value = sample.value
            if sample.name.endswith("_seconds") and value > 1e9:  # a moment
                value = max(1.0, minute * 60 - (time.time() - value))
            found[f"{sample.name}{{{labels}}}"] = value
    return found


def series(before: Samples, during: Samples, after: Samples) -> list[dict[str, str]]:
    """For promtool: what is counted grows in steps during the trouble, everything else changes at once."""
    found = []
    for name in sorted({*before, *during, *after}):
        first, second, third = before.get(name), during.get(name), after.get(name)
        if name.partition("{")[0].endswith(("_total", "_bucket", "_sum", "_count")):
            step = max(0.0, (second or 0) - (first or 0)) / DURING  # another agent counts from 0
            values = f"{first or 0}x{BEFORE - 1} {first or 0}+{step}x{DURING - 1} {third or 0}x{AFTER}"
        else:
            steps = zip((first, second, third), (BEFORE - 1, DURING - 1, AFTER), strict=True)
            values = " ".join(f"_x{n + 1}" if value is None else f"{value}x{n}" for value, n in steps)
        found.append({"series": name, "values": values})
    return found


def expected(rule: dict[str, Any], trouble: Trouble) -> list[dict[str, Any]]:
    """The alerts with labels and texts, as Prometheus sends them."""

    def filled(labels: dict[str, str]) -> str:
        text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels[m[1]], rule["annotations"]["summary"])
        return text.replace("{{ $value }}", str(trouble.value))

    return [
        {
            "exp_labels": {**rule["labels"], **labels},
            "exp_annotations": {**rule["annotations"], "summary": filled(labels)},
        }
        for labels in trouble.alerts
    ]


def test_there_is_a_trouble_for_each_alert() -> None:
    assert set(TROUBLES) == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize("name", TROUBLES)
def test_it_fires_and_is_gone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promtool = tool("promtool", "Debian's package prometheus has it")
    trouble = TROUBLES[name](monkeypatch)
    before = told(trouble, 0)
    trouble.breaks()
    during = told(trouble, BEFORE)
    trouble.mends()
    after = told(trouble, BEFORE + DURING)
    assert before != during, "nothing is told of it"
    (rule,) = [rule for rule in rules() if rule["alert"] == name]
    moments: tuple[tuple[int, list[dict[str, Any]]], ...] = (
        (BEFORE - 1, []),
        (BEFORE + DURING - 2, expected(rule, trouble)),
        (BEFORE + DURING + AFTER, []),
    )
    played = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series(before, during, after),
                "alert_rule_test": [
                    {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": alerts}
                    for minute, alerts in moments
                ],
            }
        ],
    }
    file = tmp_path / "played.yaml"
    file.write_text(yaml.safe_dump(played, sort_keys=False))
    checked(promtool, "test", "rules", str(file))
