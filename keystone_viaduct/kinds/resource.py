"""Kinds of domains, projects and their configuration."""

from __future__ import annotations

from .assignment import options
from .model import Kind
from .natural import NaturalKey
from .reference import Mode, ParentReference, Reference
from .rule import Cut, Near, Rule
from .scope import by_domain
from .shape import Child, Field, Rename, Shape
from .value import Document, Type

ROOT_DOMAIN = "<<keystone.domain.root>>"
"""The row that every migration makes and every driver hides; domains are its children."""

_ID = Field("id", size=64, required=True)
_ABOUT = (Field("name", size=64, required=True), Field("description"), Field("enabled", Type.BOOLEAN))
_CHILDREN = (
    Child(
        "project_tag",
        Shape.SET,
        "tags",
        (Field("name", size=255, required=True),),
        (("project_id", "id"),),
    ),
    options("project_option", "project_id"),
)

DOMAIN = Kind(
    "domain",
    "project",
    ("id",),
    (_ID, *_ABOUT),
    extra=True,
    cached=True,
    children=_CHILDREN,
    natural=(NaturalKey("name", ("name",)),),
    scope=by_domain("id"),
    constants={"is_domain": True, "domain_id": ROOT_DOMAIN, "parent_id": None},
    hidden=frozenset({ROOT_DOMAIN}),
    rename=Rename("name", 64),
)


def _in_one_domain(project: Document, near: Near) -> bool:
    parent = near["parent_id"]
    return parent is None or parent.get("domain_id") == project.get("domain_id")


PROJECT = Kind(
    "project",
    "project",
    ("id",),
    (_ID, *_ABOUT, Field("domain_id", size=64, required=True), Field("parent_id", size=64)),
    extra=True,
    cached=True,
    children=_CHILDREN,
    natural=(NaturalKey("name", ("domain_id", "name")),),
    references=(
        Reference(field="domain_id", target="domain", mode=Mode.OWNING, foreign_key=True),
        ParentReference(
            field="parent_id", target="project", mode=Mode.OWNING, foreign_key=True, acyclic=Cut.TOP
        ),
    ),
    scope=by_domain(),
    rules=(
        Rule(
            "one-domain",
            ("parent_id",),
            ("domain_id",),
            _in_one_domain,
            "a project lies in the domain of its parent",
        ),
    ),
    constants={"is_domain": False},
    hidden=frozenset({ROOT_DOMAIN}),
    rename=Rename("name", 64),
)

_OPTION = (
    Field("group", size=255, required=True),
    Field("option", size=255, required=True),
    Field("value", Type.JSON),
)

# The options of one domain lie in two tables and no third one owns them: Keystone changes an option by
# deleting and inserting it in both.
DOMAIN_CONFIG = Kind(
    "domain_config",
    "whitelisted_config",
    ("domain_id",),
    children=(
        Child("whitelisted_config", Shape.CONFIG, "whitelisted", _OPTION, (("domain_id", "domain_id"),)),
        Child(
            "sensitive_config", Shape.CONFIG, "sensitive", _OPTION, (("domain_id", "domain_id"),), secret=True
        ),
    ),
    references=(Reference(field="domain_id", target="domain", mode=Mode.OWNING),),
    scope=by_domain(),
    rootless=True,
)
