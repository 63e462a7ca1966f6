"""Namespace ``keystone.policy``: policies that are kept for other services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystone import exception
from keystone.common import sql
from keystone.policy.backends import rules
from keystone.policy.backends.sql import PolicyModel

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere

POLICY = Shape("policy", listings=(Listing(ALL, everywhere),))
CODEC = Simple(PolicyModel)


class Policy(Driver, rules.Policy):  # type: ignore[misc]
    """See the base class."""

    @sql.handle_conflicts(conflict_type="policy")  # type: ignore[untyped-decorator]
    def create_policy(self, policy_id: str, policy: Mapping[str, Any]) -> dict[str, Any]:
        """Make a policy."""
        ref = PolicyModel.from_dict(policy)
        self._create(POLICY, policy_id, CODEC.fields(ref))
        return dict(ref.to_dict())

    def list_policies(self) -> list[dict[str, Any]]:
        """All of them."""
        return [CODEC.thing(*each).to_dict() for each in self._records.list(POLICY, ALL)]

    def get_policy(self, policy_id: str) -> dict[str, Any]:
        """A policy."""
        ref = self._thing(POLICY, CODEC, policy_id)
        if ref is None:
            raise exception.PolicyNotFound(policy_id=policy_id)
        return dict(ref.to_dict())

    @sql.handle_conflicts(conflict_type="policy")  # type: ignore[untyped-decorator]
    def update_policy(self, policy_id: str, policy: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``policy`` names."""

        def alter(ref: Any) -> None:
            new = PolicyModel.from_dict({**ref.to_dict(), **policy})
            for name in ("blob", "type", "extra"):
                setattr(ref, name, getattr(new, name))

        missing = exception.PolicyNotFound(policy_id=policy_id)
        return dict(self._update(POLICY, CODEC, policy_id, alter, missing).to_dict())

    def delete_policy(self, policy_id: str) -> None:
        """Delete a policy."""
        self._delete(POLICY, policy_id, exception.PolicyNotFound(policy_id=policy_id))
