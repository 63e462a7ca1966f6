"""Answers that follow from others are those that the driver would have given, with fewer questions."""

from __future__ import annotations

from typing import Any

import pytest
from keystone import exception

from keystone_viaduct import drivers
from keystone_viaduct.drivers import derive, memo, methods
from tests.unit.drivers.fakes import QUICK

PROJECTS: dict[str, dict[str, Any]] = {
    "domain": {"id": "domain", "name": "d", "parent_id": None},
    "parent": {"id": "parent", "name": "p", "parent_id": "domain"},
    "child": {"id": "child", "name": "c", "parent_id": "parent"},
}


class Recorded:
    """Records what the driver is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def _note(self, *question: str) -> None:
        self.asked.append(" ".join(question))


class Resource(Recorded):
    """Projects in a tree."""

    def get_project(self, project_id: str) -> dict[str, Any]:
        self._note("get", project_id)
        if project_id not in PROJECTS:
            raise exception.ProjectNotFound(project_id=project_id)
        return PROJECTS[project_id]

    def get_project_by_name(self, project_name: str, domain_id: str) -> dict[str, Any]:
        self._note("by name", project_name)
        return next(project for project in PROJECTS.values() if project["name"] == project_name)

    def list_project_parents(self, project_id: str) -> list[dict[str, Any]]:
        self._note("parents", project_id)
        return [PROJECTS["parent"], PROJECTS["domain"]]


class Roles(Recorded):
    """admin implies member implies reader; other stands alone."""

    rules = (("admin", "member"), ("member", "reader"))
    roles = ("admin", "member", "reader", "other")

    def list_role_inference_rules(self) -> list[dict[str, str]]:
        self._note("rules")
        return [{"prior_role_id": prior, "implied_role_id": implied} for prior, implied in self.rules]

    def list_implied_roles(self, prior_role_id: str) -> list[dict[str, str]]:
        self._note("implied", prior_role_id)
        return [rule for rule in self.list_role_inference_rules() if rule["prior_role_id"] == prior_role_id]

    def get_role(self, role_id: str) -> dict[str, Any]:
        self._note("get", role_id)
        if role_id not in self.roles:
            raise exception.RoleNotFound(role_id=role_id)
        return {"id": role_id}

    def list_roles_from_ids(self, ids: list[str]) -> list[dict[str, Any]]:
        self._note("roles", *ids)
        return [{"id": role_id} for role_id in self.roles if role_id in ids]


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "_OWN", (__name__,))


def test_parents_follow_from_projects_found_before() -> None:
    driver = Resource()
    wrapped = drivers.wrap(driver, methods.RESOURCE, QUICK)
    with memo.request():
        wrapped.get_project("child")
        wrapped.get_project("domain")
        parents = wrapped.list_project_parents("child")
    assert parents == Resource().list_project_parents("child")
    assert driver.asked == ["get child", "get domain", "get parent"]


def test_a_project_found_by_name_is_not_asked_for_by_id() -> None:
    driver = Resource()
    wrapped = drivers.wrap(driver, methods.RESOURCE, QUICK)
    with memo.request():
        assert wrapped.get_project_by_name("c", "domain") == wrapped.get_project("child")
    assert driver.asked == ["by name c"]


def test_parents_of_a_missing_project_are_not_found() -> None:
    wrapped = drivers.wrap(Resource(), methods.RESOURCE, QUICK)
    with memo.request(), pytest.raises(exception.ProjectNotFound):
        wrapped.list_project_parents("nowhere")


def test_a_circle_of_parents_is_left_to_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROJECTS, "domain", {"id": "domain", "name": "d", "parent_id": "child"})
    driver = Resource()
    wrapped = drivers.wrap(driver, methods.RESOURCE, QUICK)
    with memo.request():
        wrapped.list_project_parents("child")
    assert driver.asked[-1] == "parents child"


def test_implied_roles_are_asked_for_once_for_all() -> None:
    driver = Roles()
    wrapped = drivers.wrap(driver, methods.ROLE, QUICK)
    with memo.request():
        answers = [wrapped.list_implied_roles(role) for role in Roles.roles]
    assert answers == [Roles().list_implied_roles(role) for role in Roles.roles]
    assert driver.asked == ["rules"]


def test_roles_asked_for_one_by_one_come_together_from_the_second_on() -> None:
    driver = Roles()
    wrapped = drivers.wrap(driver, methods.ROLE, QUICK)
    with memo.request():
        answers = [wrapped.get_role(role)["id"] for role in ("admin", "member", "reader", "other")]
    assert answers == ["admin", "member", "reader", "other"]
    assert driver.asked[:3] == ["get admin", "rules", "roles admin member reader"]
    assert len(driver.asked) == 4


def test_a_missing_role_is_not_found() -> None:
    wrapped = drivers.wrap(Roles(), methods.ROLE, QUICK)
    with memo.request():
        wrapped.get_role("admin")
        for _ in range(2):
            with pytest.raises(exception.RoleNotFound):
                wrapped.get_role("nobody")


def test_roles_of_a_request_that_asks_for_one_cost_one_question() -> None:
    driver = Roles()
    wrapped = drivers.wrap(driver, methods.ROLE, QUICK)
    with memo.request():
        wrapped.get_role("admin")
        wrapped.get_role("admin")
    assert driver.asked == ["get admin"]


def test_more_roles_than_a_batch_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "BATCH", 2)
    driver = Roles()
    wrapped = drivers.wrap(driver, methods.ROLE, QUICK)
    with memo.request():
        for role in ("admin", "member"):
            wrapped.get_role(role)
    assert driver.asked == ["get admin", "rules", "get member"]


def test_drivers_of_other_people_are_asked_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "_OWN", ("keystone.",))
    driver = Roles()
    wrapped = drivers.wrap(driver, methods.ROLE, QUICK)
    with memo.request():
        wrapped.list_implied_roles("admin")
    assert driver.asked == ["implied admin", "rules"]
