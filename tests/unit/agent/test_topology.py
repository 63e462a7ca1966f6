"""viaduct.yaml: what is wrong is told with file, line, place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.topology import SiteEntry, read_topology

GOOD = """\
hub: east
sites:
  east: east-cloud
  west: {cloud: west-cloud, url: "https://west.example:5000/v3"}
  south:
agent:
  listen: "[::1]:7788"
  poll: 5
"""


def write(folder: Path, text: str) -> Path:
    """A file of that text."""
    file = folder / "viaduct.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_fleet_is_read(tmp_path: Path) -> None:
    found = read_topology(write(tmp_path, GOOD))
    assert found.hub == "east"
    assert found.spokes == ["west", "south"]
    assert found.sites["west"] == SiteEntry("west", "west-cloud", "https://west.example:5000/v3")
    assert found.sites["south"].cloud == "south"
    assert found.agent.listen == ("::1", 7788)
    assert found.agent.poll == 5.0
    assert found.agent.page_limit == 500


def test_it_may_listen_nowhere(tmp_path: Path) -> None:
    assert read_topology(write(tmp_path, GOOD.replace('"[::1]:7788"', "false"))).agent.listen is None


def test_clouds_are_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert read_topology(write(tmp_path, GOOD + "clouds: mine.yaml\n")).clouds == tmp_path / "mine.yaml"


@pytest.mark.parametrize(
    ("before", "after", "line", "problem", "hint"),
    [
        ("hub: east", "hub: north", 1, "hub is north, which is not among the sites", "add it under `sites:`"),
        ("hub: east", "hubb: east", 1, "hubb is not known", "did you mean hub?"),
        ("hub: east\n", "", 1, "hub is missing", "add `hub: …`"),
        ("hub: east", "hub: [east]", 1, "hub is a list, not a text", "quotes"),
        ("poll: 5", "poll: fast", 8, "agent.poll is a text, not a number", "leave it out for 10"),
        ("poll: 5", "poll: -1", 8, "agent.poll is -1", "from 0.1 to 3600"),
        ("poll: 5", "page_limit: 99999", 8, "agent.page_limit is 99999", "from 1 to 5000"),
        ("poll: 5", "pole: 5", 8, "agent.pole is not known", "did you mean poll?"),
        ('"[::1]:7788"', "7788", 7, "agent.listen is no address", "host:port"),
        ('"[::1]:7788"', '"host:99999"', 7, "agent.listen is no address", "host:port"),
        ("https://west", "west", 4, "sites.west.url is west.example", "https://"),
        ("cloud: west-cloud", "clout: west-cloud", 4, "sites.west.clout is not known", "did you mean cloud?"),
        ("  south:", "  so uth:", 5, "sites.so uth is no name of a site", "viaduct init"),
        ("  south:", "  east: again", 5, "sites.east is there twice", "keep one"),
        ("  south:", "  5: x", 5, "sites.5 is not a name", "quotes"),
        ("agent:", "clouds: nowhere.yaml\nagent:", 6, "clouds is", "leave it out"),
        ("  poll: 5", " poll: 5", 8, "expected <block end>", "not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_place(
    tmp_path: Path, before: str, after: str, line: int, problem: str, hint: str
) -> None:
    assert before in GOOD
    file = write(tmp_path, GOOD.replace(before, after))
    with pytest.raises(ConfigError) as caught:
        read_topology(file)
    assert f"{file}, line {line}: " in caught.value.message
    assert problem in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "hub is missing"),
        ("- a\n- b\n", "the file is a list, not a section"),
        ("hub: a\n", "sites is missing"),
        ("hub: a\nsites:\n  a: a\n", "sites names no spoke"),
        ("hub: !!python/object:os.system {}\n", "could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_fleet_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        read_topology(write(tmp_path, text))
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml can't be read"):
        read_topology(tmp_path / "none.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "viaduct.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_topology(file)
