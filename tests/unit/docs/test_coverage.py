"""What pages tell of options, kinds, metrics and settings is what the code has, and nothing else is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from keystone_viaduct import config
from keystone_viaduct.cassandra import settings
from keystone_viaduct.health.catalogue import CATALOGUE
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.agent.dashboard import DashboardSettings
from keystone_viaduct.sync.agent.topology import AgentSettings, read_topology
from keystone_viaduct.sync.api import options
from tests.unit.docs.pages import DOCS, ROOT, pages
from tools import tables

REFERENCE = DOCS / "reference"


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_each_table_of_the_reference_is_as_the_code_has_it(page: Path) -> None:
    assert tables.named(page.read_text())
    assert page.read_text() == tables.rewritten(page.read_text()), "`make reference` writes it anew"


def test_every_table_stands_in_one_place() -> None:
    found = [name for page in tables.PAGES for name in tables.named(page.read_text())]
    assert sorted(found) == sorted(tables.TABLES)


def test_every_option_is_in_a_table() -> None:
    page = (REFERENCE / "options.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    lists = (*config.list_opts(), *options.list_opts(), *settings.list_opts())
    assert documented == {option.name for _, listed in lists for option in listed}


def mentioned(pattern: str, where: Iterator[Path] | None = None) -> set[tuple[str, str]]:
    """What the pages say that matches, with the page."""
    return {
        (found, str(page.relative_to(ROOT)))
        for page in (where or pages())
        for found in re.findall(pattern, page.read_text())
    }


def test_no_page_names_an_option_that_there_is_not() -> None:
    """`[viaduct] name` in the text, and what stands in a [viaduct] section of an example."""
    known = {option.name for _, listed in (*config.list_opts(), *options.list_opts()) for option in listed}
    named = mentioned(r"\[viaduct\]\s+(\w+)")
    assert len(named) > 20
    assert {place for place in named if place[0] not in known | {"section"}} == set()
    cassandra = {option.name for option in settings.OPTS}
    assert {place for place in mentioned(r"\[cassandra\] (\w+)`") if place[0] not in cassandra} == set()


def test_no_page_names_a_setting_of_the_agent_that_there_is_not() -> None:
    known = {field.name for field in fields(AgentSettings)}
    inner = {field.name for field in fields(DashboardSettings)}
    named = mentioned(r"`agent\.(\w+(?:\.\w+)?)")
    assert len(named) > 10
    for name, page in named:
        outer, _, rest = name.partition(".")
        assert outer in known and (not rest or (outer == "dashboard" and rest in inner)), (
            f"{page}: agent.{name}"
        )


def test_the_page_of_the_agent_shows_every_setting_with_its_default(tmp_path: Path) -> None:
    page = (REFERENCE / "agent.md").read_text()
    shown = re.search(r"```yaml\n(hub: .*?)```", page, re.S)
    assert shown is not None
    example = yaml.safe_load(shown[1])
    assert set(example["agent"]) == {field.name for field in fields(AgentSettings)}
    del example["clouds"]
    written = tmp_path / "viaduct.yaml"
    written.write_text(yaml.safe_dump(example))
    default = AgentSettings(memory=tmp_path / "viaduct.memory.json")
    assert read_topology(written).agent == default


def test_every_metric_that_a_page_names_exists() -> None:
    documented = set(re.findall(r"^\| `(viaduct_\w+)` \|", (REFERENCE / "metrics.md").read_text(), re.M))
    assert set(tables.agent_metrics()) < documented
    known = documented | {name.removesuffix("_total") for name in documented}
    known |= {f"{name}_{part}" for name in documented for part in ("bucket", "sum", "count")}
    named = mentioned(r"(?<![\w./])(viaduct_(?:agent|link|local|driver|site)_[a-z_]*[a-z]|viaduct_check)\b")
    assert len(named) > 40
    assert {place for place in named if place[0] not in known} == set()


def test_every_error_code_that_a_page_names_exists() -> None:
    """In backticks, of a family that there is; and what a step of a runbook begins with."""
    codes = set(re.findall(r"^\| `([\w.-]+)` \|", (REFERENCE / "errors.md").read_text(), re.M))
    files = {"demo", "upgrade", "viaduct"}
    families = {code.partition(".")[0] for code in codes} - files
    named = {place for place in mentioned(r"`([a-z]+\.[a-z-]+)`") if place[0].partition(".")[0] in families}
    assert len(named) > 5
    steps = mentioned(r"(?m)^\d\. `([a-z.-]+)`:", iter(sorted((DOCS / "runbooks").glob("*.md"))))
    assert {place for place in named | steps if place[0] not in codes} == set()


def test_every_check_has_a_section_and_every_kind_that_is_named_exists() -> None:
    sections = re.findall(r"^## `(\w+)`$", (REFERENCE / "checks.md").read_text(), re.M)
    assert sections == list(CATALOGUE)
    named = {kind for kind, _ in mentioned(r"`([a-z_]+)/(?:[0-9a-f]{4}|[A-Z]|\w+…)")}
    assert named and named <= set(REGISTRY) | {"docs", "deploy"}
