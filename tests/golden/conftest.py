"""Golden files: generated text against the committed one; ``--update-golden`` writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden``: known when pytest is started on this folder or below."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden("name.sql", text)``: equal to the file of that name beside the test."""

    def compare(name: str, text: str) -> None:
        path = Path(request.path).with_name(name)
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text)
        assert path.exists(), f"{name} is not there yet: run with --update-golden and read what it says"
        assert text == path.read_text()

    return compare
