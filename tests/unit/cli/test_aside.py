"""What is said after a migration of broken references, and which commands are one."""

from __future__ import annotations

import pytest

from keystone_viaduct.cli._aside import migrates, tell_broken
from keystone_viaduct.documents.references import Broken

TAGS = Broken("project_tag", "project", 2, (1, 2))


@pytest.mark.parametrize(
    ("before", "found", "told"),
    [
        ([], [], ""),
        ([TAGS], [], ""),
        ([TAGS], [TAGS], "they were there before"),
        ([], [TAGS], "has left some that were not there before (project_tag)"),
        ([Broken("project_tag", "project", 1, (1,))], [TAGS], "compare with a backup"),
    ],
)
def test_what_a_migration_has_left_is_told_apart_from_what_was_there(
    before: list[Broken], found: list[Broken], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_broken(found, before)
    error = capsys.readouterr().err
    assert told in error and bool(error) == bool(found)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--config-file", "a", "db_sync"], True),
        (["--config-file=a", "db_sync", "--expand"], True),
        (["bootstrap"], False),
        ([], False),
    ],
)
def test_only_db_sync_migrates(arguments: list[str], expected: bool) -> None:
    assert migrates(arguments) is expected
