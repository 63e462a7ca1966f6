"""The open scope is read from where oslo.db keeps it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct.drivers import scope
from keystone_viaduct.drivers.scope import Scope


@pytest.fixture
def manager() -> Any:
    manager = enginefacade.transaction_context()
    manager.configure(connection="sqlite://")
    return manager


def test_no_scope_is_open_before_and_after(manager: Any) -> None:
    context = threading.local()
    assert scope.current(context) is Scope.NONE
    with manager.writer.using(context):
        pass
    assert scope.current(context) is Scope.NONE


def test_inner_scopes_do_not_change_the_outer_one(manager: Any) -> None:
    context = threading.local()
    with manager.writer.using(context) as session:
        assert scope.current(context) is Scope.WRITER
        with manager.reader.using(context):
            assert scope.current(context) is Scope.WRITER
        session.execute(sa.text("SELECT 1"))
    with manager.reader.using(context):
        assert scope.current(context) is Scope.READER


def test_a_scope_that_failed_is_closed(manager: Any) -> None:
    context = threading.local()
    with pytest.raises(ValueError), manager.writer.using(context):
        raise ValueError
    assert scope.current(context) is Scope.NONE


def test_the_scope_of_another_thread_is_not_ours(manager: Any) -> None:
    context = threading.local()
    seen: list[Scope] = []
    with manager.writer.using(context):
        thread = threading.Thread(target=lambda: seen.append(scope.current(context)))
        thread.start()
        thread.join()
    assert seen == [Scope.NONE]


def test_keystones_own_context_is_the_default() -> None:
    assert scope.current() is Scope.NONE
