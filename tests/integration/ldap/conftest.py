"""A directory for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.directory import Directory, directory


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """OpenLDAP with nobody in it."""
    with directory(tmp_path_factory.mktemp("directory")) as found:
        yield found
