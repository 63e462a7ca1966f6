"""Keys that root makes belong to the user that runs Keystone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keystone_viaduct.sync import sealing

Given = list[tuple[str, int, int]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """What root gives away to whom."""
    found: Given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: found.append((Path(path).name, uid, gid)))
    return found


def test_new_folders_go_to_the_owner_that_is_named(tmp_path: Path, given: Given) -> None:
    sealing.create_keys(tmp_path / "keys", (4711, 42))
    assert [name for name, *_ in given[:3]] == ["keys", "exchange", "storage"]
    assert {(uid, gid) for _, uid, gid in given[:3]} == {(4711, 42)}
    before = list(given)
    sealing.create_keys(tmp_path / "keys", (1, 1))
    assert given == before, "what is there keeps its owner"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_later_key_belongs_to_whom_its_folder_belongs_to(tmp_path: Path) -> None:
    sealing.create_keys(tmp_path / "keys", (4711, 42))
    made = sealing.add_keys(tmp_path / "keys")
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(4711, 42)}
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert sealing.owned_by_others(tmp_path / "keys", 4711) == []
    assert len(sealing.owned_by_others(tmp_path / "keys", 0)) == 1 + 2 + 4


def test_without_an_owner_they_stay_with_who_makes_them(tmp_path: Path) -> None:
    sealing.create_keys(tmp_path / "keys")
    assert sealing.owned_by_others(tmp_path / "keys", os.getuid()) == []
