"""The samples of options and policy rules in deploy/keystone are what OpenStack's generators make now."""

from __future__ import annotations

import configparser
import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from oslo_config import cfg, generator
from oslo_policy import generator as policy_generator

from keystone_viaduct import config
from keystone_viaduct.cassandra import settings
from keystone_viaduct.sync.api import options, policy

FOLDER = Path(__file__).parents[3] / "deploy/keystone"
STALE = "`make samples` writes it anew"


def asked(name: str) -> dict[str, list[str]]:
    """What a generator's configuration asks for."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key.strip(), []).append(value.strip())
    return found


def test_the_sample_of_options_is_what_the_generator_makes() -> None:
    wanted = asked("config-generator.conf")
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    arguments = [part for name in wanted["namespace"] for part in ("--namespace", name)]
    conf([*arguments, "--wrap-width", wanted["wrap_width"][0]], default_config_files=[])
    text = io.StringIO()
    generator.generate(conf, text)
    assert Path(wanted["output_file"][0]).name == "viaduct.conf.sample"
    assert (FOLDER / "viaduct.conf.sample").read_text() == text.getvalue(), STALE


def test_the_sample_of_options_has_every_one_of_them() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    lines = (FOLDER / "viaduct.conf.sample").read_text().splitlines()
    parser.read_string("\n".join(line.removeprefix("#") for line in lines if line[:2] not in ("# ", "#")))
    lists = [*config.list_opts(), *options.list_opts(), *settings.list_opts()]
    wanted = {(group, option.name) for group, found in lists for option in found}
    assert {(group, name) for group in parser.sections() for name in parser[group]} == wanted


def test_the_sample_of_rules_is_what_the_generator_makes(tmp_path: Path) -> None:
    wanted = asked("policy-generator.conf")
    made = tmp_path / "policy.yaml"
    arguments = [part for name in wanted["namespace"] for part in ("--namespace", name)]
    policy_generator.generate_sample([*arguments, "--output-file", str(made)], conf=cfg.ConfigOpts())
    assert Path(wanted["output_file"][0]).name == "policy.yaml.sample"
    assert (FOLDER / "policy.yaml.sample").read_text() == made.read_text(), STALE


def test_the_sample_of_rules_has_every_one_of_them_commented_out() -> None:
    text = (FOLDER / "policy.yaml.sample").read_text()
    assert yaml.safe_load(text) is None
    lines = [line.removeprefix("#") for line in text.splitlines() if line.startswith('#"')]
    assert set(yaml.safe_load("\n".join(lines))) == {rule.name for rule in policy.list_rules()}


@pytest.mark.parametrize("rule", policy.RULES, ids=lambda rule: rule.name)
def test_every_rule_says_what_it_is_for_and_which_calls_it_guards(rule: Any) -> None:
    assert rule.description and rule.operations
