"""Small inventories by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keystone_viaduct.kinds.model import JSON, Document
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.adopt.veil import Veil


@dataclass
class Listed:
    """An inventory of documents given in code."""

    site: str
    folds: bool = False
    secrets: bool = True
    veil: Veil | None = None
    records: dict[str, dict[str, Document]] = field(default_factory=dict)

    def documents(self, kind: str) -> Mapping[str, Document]:
        """Key -> document."""
        return self.records.get(kind, {})

    def add(self, kind: str, **fields: JSON) -> Listed:
        """One record; a double underscore in a name stands for the dot."""
        document: Document = {name.replace("__", "."): value for name, value in fields.items()}
        self.records.setdefault(kind, {})[REGISTRY[kind].key_of(document)] = document
        return self


def role(site: Listed, key: str, name: str, **more: JSON) -> Listed:
    return site.add("role", id=key, name=name, domain_id=more.pop("domain_id", None), **more)


def user(site: Listed, key: str, name: str, domain: str = "default", **more: JSON) -> Listed:
    return site.add("user", id=key, domain_id=domain, local__name=name, **more)


def domain(site: Listed, key: str, name: str) -> Listed:
    return site.add("domain", id=key, name=name)


def project(site: Listed, key: str, name: str, of: str, **more: JSON) -> Listed:
    return site.add("project", id=key, name=name, domain_id=of, parent_id=more.pop("parent_id", of), **more)


def endpoint(site: Listed, key: str, service: str, url: str, region: str = "r") -> Listed:
    return site.add(
        "endpoint", id=key, service_id=service, region_id=region, interface="public", url=url, enabled=True
    )
