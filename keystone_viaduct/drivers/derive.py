"""Answers that follow from other answers of the same request.

A token's roles are asked for one by one, with their implied roles one by one; a project and its domain are
asked for by id after they were found by name, and once more as each other's parents. Where one answer says
what another question would, the question does not reach the database. Only between methods of one driver, and
only for drivers whose answers are known to be made alike (Keystone's own and ours).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from keystone_viaduct.drivers import methods

UNKNOWN: Any = object()
"""The answer does not follow from others."""

BATCH = 100
"""So many records are fetched, or taken out of a list, at once; larger sets would cost more than they save.
"""

_OWN = ("keystone.", "keystone_viaduct.")


class Questions(Protocol):
    """The driver's read methods as the request's memo sees them."""

    def ask(self, method: str, *args: Any) -> Any:
        """The answer, from memory or from the driver; raises what the driver raises."""

    def knows(self, method: str, *args: Any) -> bool:
        """Whether the answer is in memory."""

    def tell(self, method: str, args: tuple[Any, ...], answer: Any) -> None:
        """Put an answer into memory."""


Rule = Callable[..., Any]
Spread = Callable[[Questions, Any], None]


def applies(driver: Any) -> bool:
    """Whether the answers of ``driver`` are made alike in all methods, as the rules suppose."""
    return type(driver).__module__.startswith(_OWN)


def answer(questions: Questions, namespace: str, method: str, args: tuple[Any, ...]) -> Any:
    """The answer to a question that follows from others, or ``UNKNOWN``."""
    rule = _RULES.get((namespace, method))
    return rule(questions, *args) if rule is not None and len(args) == 1 else UNKNOWN


def spread(questions: Questions, namespace: str, method: str, given: Any) -> None:
    """Put into memory what else ``given``, the driver's answer to a question, says."""
    rule = _SPREADS.get((namespace, method))
    if rule is not None:
        rule(questions, given)


def _parents(questions: Questions, project_id: str) -> Any:
    parents: list[dict[str, Any]] = []
    project = questions.ask("get_project", project_id)
    seen = {project_id}
    while project.get("parent_id") is not None:
        if project["parent_id"] in seen:
            return UNKNOWN
        project = questions.ask("get_project", project["parent_id"])
        seen.add(project["id"])
        parents.append(project)
    return parents


def _implied_roles(questions: Questions, prior_role_id: str) -> Any:
    rules = questions.ask("list_role_inference_rules")
    return [rule for rule in rules if rule["prior_role_id"] == prior_role_id]


def _role(questions: Questions, role_id: str) -> Any:
    """The first role of a request is asked for alone; a second one brings all roles that imply or are
    implied.
    """
    if not questions.knows("list_role_inference_rules") and not questions.knows(_ONE_ROLE_ASKED):
        questions.tell(_ONE_ROLE_ASKED, (), True)
        return UNKNOWN
    rules = questions.ask("list_role_inference_rules")
    ids = {role_id}.union(*((rule["prior_role_id"], rule["implied_role_id"]) for rule in rules))
    if len(ids) == 1 or len(ids) > BATCH:
        return UNKNOWN
    roles = questions.ask("list_roles_from_ids", sorted(ids))
    return next((role for role in roles if role["id"] == role_id), UNKNOWN)


_ONE_ROLE_ASKED = "get_role: once"


def _each(method: str) -> Spread:
    def tell(questions: Questions, given: Any) -> None:
        if isinstance(given, list) and len(given) <= BATCH:
            for record in given:
                questions.tell(method, (record["id"],), record)

    return tell


def _one(method: str) -> Spread:
    return lambda questions, given: questions.tell(method, (given["id"],), given)


_RULES: dict[tuple[str, str], Rule] = {
    (methods.RESOURCE, "list_project_parents"): _parents,
    (methods.ROLE, "list_implied_roles"): _implied_roles,
    (methods.ROLE, "get_role"): _role,
}

_SPREADS: dict[tuple[str, str], Spread] = {
    (methods.ROLE, "list_roles_from_ids"): _each("get_role"),
    (methods.ROLE, "list_roles"): _each("get_role"),
    (methods.RESOURCE, "get_project_by_name"): _one("get_project"),
    (methods.RESOURCE, "list_projects_from_ids"): _each("get_project"),
    (methods.IDENTITY, "get_user_by_name"): _one("get_user"),
    (methods.IDENTITY, "get_group_by_name"): _one("get_group"),
}
