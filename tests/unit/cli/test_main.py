"""The command as a whole: subcommands, errors, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keystone_viaduct.cli._keystone import read_settings
from keystone_viaduct.cli.main import build_parser, command_modules, main
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.registry import REGISTRY


def test_every_command_has_help_and_a_description() -> None:
    names = {module.__name__.rpartition(".")[2] for module in command_modules()}
    assert {"init", "doctor", "kinds", "status"} <= names
    for module in command_modules():
        assert module.HELP and module.__doc__


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["--help"])
    assert caught.value.code == 0
    assert "doctor" in capsys.readouterr().out


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
