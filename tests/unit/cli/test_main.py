"""The command as a whole: subcommands, errors, exit codes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from keystone_viaduct.cli._commands import (
    GROUPS,
    SECTIONS,
    Commands,
    build,
    command_modules,
    command_name,
    load,
    module_names,
)
from keystone_viaduct.cli._keystone import read_settings
from keystone_viaduct.cli.main import main
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.registry import REGISTRY


def test_every_command_has_help_a_description_an_example_that_is_taken_and_a_section() -> None:
    names = {command_name(name) for name in module_names()}
    assert {"init", "doctor", "kinds", "status", "agent-account", "confirm-key"} <= names
    for module in command_modules():
        assert module.HELP and module.__doc__ and module.SECTION in SECTIONS
        assert module.EXAMPLES


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """The command of a line of a shell and the values of its parameters. Raises what click raises."""
    words = shlex.split(line.partition(">")[0])
    assert words.pop(0) == "viaduct"
    command: click.Command = build()
    context = click.Context(command, info_name="viaduct")
    while isinstance(command, Commands):
        name, found, words = command.resolve_command(context, words)
        assert found is not None, line
        context = click.Context(found, parent=context, info_name=name)
        command = found
    made = command.make_context(context.info_name or "", words, parent=context.parent)
    return context.info_name or "", made.params


@pytest.mark.parametrize("module", [name for name in module_names() if name != "completion"])
def test_the_examples_of_a_command_are_such_as_it_takes(module: str) -> None:
    for example in load(module).EXAMPLES:
        assert parsed(example)[0] == command_name(module), example


def test_commands_stand_under_their_groups_as_well() -> None:
    for group, (_, modules) in GROUPS.items():
        for name, module in modules.items():
            rest = load(module).EXAMPLES[0].removeprefix(f"viaduct {group} ").split()
            rest = rest[2:] if rest[0] == "viaduct" else rest[1:]
            assert parsed(" ".join(["viaduct", group, name, *rest]))[0] == name


def test_help_lists_the_commands_by_who_uses_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"{title}:" in told for title in SECTIONS.values())
    assert all(f"\n  {command_name(name)} " in told for name in module_names())


def test_each_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conflicts", "--help"]) == 0
    told = capsys.readouterr().out
    assert "$ viaduct conflicts list --open" in told and "Exit codes:" in told and "2  nothing could" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("nonsense", "No such command"),
        ("conflicts --nonsense", "No such option"),
        ("conflicts resolve x --keep --restore", "--keep and --restore can't be given together"),
        ("conflicts explode", "is not one of"),
        ("init --site east", "Missing option '--hub'"),
        ("keys --wait soon", "is not a valid float"),
    ],
)
def test_wrong_arguments_are_named_and_end_with_2(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert told in captured.err and captured.out == ""


#: Change nothing, or keep nothing.
LOOKS = {"audit", "completion", "demo", "doctor", "kinds", "retries", "status", "trace"}
#: Look unless an option says otherwise, or have a phase that looks (`viaduct upgrade plan`).
LOOKS_FIRST = {
    "adopt": "--plan",
    "agent": "--check",
    "compare": "--mend",
    "manage": "",
    "sql": "--apply",
    "upgrade": "",
}


@pytest.mark.parametrize("module", sorted({command_name(name) for name in module_names()} - LOOKS))
def test_what_changes_something_can_be_looked_at_first(module: str) -> None:
    found = load(module.replace("-", "_"))
    options = {name for param in getattr(found, "PARAMS", ()) for name in param.opts}
    wanted = LOOKS_FIRST.get(module, "--dry-run")
    assert not wanted or wanted in options


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_VIADUCT_COMPLETE" in capsys.readouterr().out


def test_names_are_completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_VIADUCT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "viaduct conflicts re")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert "resolve" in capsys.readouterr().out


def test_the_result_is_yaml_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "service", "--format", "yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)[0]["name"] == "service"


def test_kinds_as_json_names_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [kind["name"] for kind in found] == list(REGISTRY)
    assert all(kind["tables"] for kind in found)


def test_kinds_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "service"]) == 0
    assert "service" in capsys.readouterr().out


def test_an_unknown_kind_is_an_error_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "nonsense", "--json"]) == 1
    captured = capsys.readouterr()
    assert "nonsense" in captured.err and "hint" in captured.err
    error = json.loads(captured.out)["error"]
    assert error["code"] == "kind.unknown" and error["hint"]


@pytest.mark.parametrize("command", ["init --site a --hub a", "doctor", "status"])
def test_without_a_configuration_nothing_can_be_done(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.conf").write_text("[DEFAULT]\n")
    assert main([*command.split(), "--config-file", str(tmp_path / "k.conf")]) == 2
    assert "[database] connection is not set" in capsys.readouterr().err


def test_a_missing_database_is_not_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.conf").write_text(f"[database]\nconnection = sqlite:///{tmp_path}/none.db\n")
    assert main(["doctor", "--config-file", str(tmp_path / "k.conf")]) == 2
    assert "there is no database" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


def test_settings_are_found_as_keystone_finds_them(tmp_path: Path) -> None:
    (tmp_path / "keystone.conf").write_text(
        "[database]\nconnection = sqlite:///x.db\n"
        "[viaduct]\nkey_repository = /keys\n[cache]\nenabled = false\n"
    )
    (tmp_path / "other.conf").write_text("[database]\nconnection = sqlite:///y.db\n")
    alone = read_settings([], env={"OS_KEYSTONE_CONFIG_DIR": str(tmp_path)})
    assert (alone.connection, str(alone.viaduct_keys), alone.cache_enabled) == (
        "sqlite:///x.db",
        "/keys",
        False,
    )
    env = {"OS_KEYSTONE_CONFIG_DIR": str(tmp_path), "OS_KEYSTONE_CONFIG_FILES": "keystone.conf;other.conf"}
    assert read_settings([], env=env).connection == "sqlite:///y.db"
    assert read_settings([str(tmp_path / "other.conf")], env=env).viaduct_keys == Path(
        "/etc/keystone/viaduct-keys/"
    )


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.conf"):
        read_settings([str(tmp_path / "none.conf")])
    (tmp_path / "k.conf").write_text("[database\n")
    with pytest.raises(ConfigError, match="can't be read"):
        read_settings([str(tmp_path / "k.conf")])
