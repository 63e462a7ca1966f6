"""A database whose driver is not installed here is named with what brings the driver."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.store import make_engine


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql+psycopg2://keystone@localhost/keystone", "psycopg2", "postgresql"),
        ("postgresql://keystone@localhost/keystone", "psycopg", "postgresql"),
        ("mysql+pymysql://keystone@localhost/keystone", "pymysql", "mysql"),
        ("mariadb+pymysql://keystone@localhost/keystone", "pymysql", "mysql"),
    ],
)
def test_it_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    found: Any = builtins.__import__

    def lacking(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0].startswith(module):
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(ConfigError) as caught:
        make_engine(url)
    assert module in caught.value.message
    assert f"pip install 'keystone-viaduct[{extra}]'" in caught.value.hint


def test_an_engine_that_nobody_knows_has_no_extra() -> None:
    with pytest.raises(ConfigError) as caught:
        make_engine("oracle9://keystone@localhost/keystone")
    assert caught.value.hint == "look at [database] connection, and install its driver here"
