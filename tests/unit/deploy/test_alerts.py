"""What is shipped for Prometheus and Grafana: each metric exists, each alert has its page, fires and goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from keystone_viaduct.health.catalogue import CATALOGUE
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.agent.upkeep import Kept
from keystone_viaduct.sync.model import WAITING_STATES, Ref
from tests.unit.agent.fleet import fleet
from tests.unit.deploy.tools import checked, tool

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy/prometheus/viaduct.rules.yaml"
PLAYED = ROOT / "deploy/prometheus/tests.yaml"
DASHBOARD = ROOT / "deploy/grafana/viaduct.json"


def rules() -> list[dict[str, Any]]:
    """All alerts."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def given() -> dict[str, set[str]]:
    """The samples that an agent gives: name -> its labels."""
    agent, _, _ = fleet("west")
    agent.upkeep.sites["west"] = Kept(waiting={"held": 1})
    lane = agent.lanes[0]
    lane.tally.page([Ref("user", "u"), Ref("nonsense", "x")], [Ref("user", "v")])
    lane.tally.lag.add(0.3)
    lane.state.error = "down"
    families = list(text_string_to_metric_families(metrics(agent).decode()))
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def used(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics of an expression with the labels that it selects by."""
    for found in re.finditer(r"\b(viaduct_\w+)(?:\{([^}]*)\})?", expression):
        yield found[1], set(re.findall(r"(\w+)\s*[=!]", found[2] or ""))


def test_every_metric_of_the_alerts_exists_with_its_labels(given: dict[str, set[str]]) -> None:
    for rule in rules():
        for name, labels in used(rule["expr"]):
            assert name in given and labels <= given[name], f"{rule['alert']}: {name} {labels}"
        told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert told <= set.union(*(given[name] for name, _ in used(rule["expr"])))


def test_every_metric_of_the_dashboard_exists(given: dict[str, set[str]]) -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    named = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(named) >= 10
    for expression in named:
        for name, _ in used(expression):
            assert name in given, expression


def test_values_that_alerts_select_by_are_such_as_there_are() -> None:
    for rule in rules():
        for check in re.findall(r'check="(\w+)"', rule["expr"]):
            assert check in CATALOGUE
        for states in re.findall(r'state=~?"([\w|]+)"', rule["expr"]):
            assert set(states.split("|")) <= set(WAITING_STATES)


def test_each_alert_has_a_page_that_names_it_and_each_page_an_alert() -> None:
    pages = {path for path in (ROOT / "docs/runbooks").glob("*.md") if path.name != "index.md"}
    named = {ROOT / rule["annotations"]["runbook"] for rule in rules()}
    assert named == pages
    index = (ROOT / "docs/runbooks/index.md").read_text()
    for rule in rules():
        page = (ROOT / rule["annotations"]["runbook"]).read_text()
        assert f"`{rule['alert']}`" in page and f"`{rule['expr']}`" in page
        assert f"`{rule['alert']}`" in index


def test_each_alert_is_played_quiet_then_firing_then_gone() -> None:
    played = {test["name"]: test["alert_rule_test"] for test in yaml.safe_load(PLAYED.read_text())["tests"]}
    assert set(played) == {rule["alert"] for rule in rules()}
    for name, steps in played.items():
        assert [bool(step["exp_alerts"]) for step in steps] == [False, True, False], name


def test_prometheus_itself_finds_each_alert_firing_and_gone() -> None:
    promtool = tool("promtool", "Debian's package prometheus has it")
    checked(promtool, "test", "rules", PLAYED.name, cwd=PLAYED.parent)
