"""Asks a delegation whether it allows what a spoke has done (PROTOCOL rule 16). No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.raw import same
from keystone_viaduct.kinds.reference import ALTERNATIVES
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Delegation, domains_of
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.world import IMPLIED, RIGHTS, Unread, World

Rule = Callable[["Court", Act], Iterator[Problem]]
"""One kind's rule; its docstring is the sentence in docs/reference/delegation.md."""

#: A deletion that drags along dependents of dependents deeper than this is for the hub itself.
DEEPEST = 8
_WHERE = {"trust": "trustor_user_id", "access_token": "authorizing_user_id"}
_OF_A_USER = frozenset({"application_credential", "access_rule", "credential", "trust", "access_token"})


class Court:
    """One spoke's delegation over one state of the hub."""

    def __init__(self, delegation: Delegation, world: World, rules: Mapping[str, Rule]) -> None:
        self.delegation = delegation
        self.world = world
        self._rules = rules

    @property
    def is_sovereign(self) -> bool:
        """Whether all domains and all roles are delegated (perhaps not all kinds)."""
        return self.delegation.domains is None and self.delegation.roles is None

    def problem(self, act: Act, depth: int = 0) -> Problem | None:
        """The first thing that stands against an act; None when it is delegated."""
        return next(self._problems(act, depth), None)

    def _problems(self, act: Act, depth: int) -> Iterator[Problem]:
        kinds = self.delegation.kinds
        if kinds is not None and act.ref.kind not in kinds:
            yield Problem(f"the kind {act.ref.kind} is not delegated")
            return
        rule = self._rules.get(act.ref.kind)
        if rule is None:
            yield Problem(f"there is no rule that would delegate the kind {act.ref.kind}")
            return
        yield from self._whole(act)
        yield from rule(self, act)
        if act.creates:
            yield from self._past(act)
        elif act.deletes:
            yield from self._dragged(act, depth)

    def _whole(self, act: Act) -> Iterator[Problem]:
        """What a document leaves out can't be asked about."""
        if act.new is None or self.is_sovereign:
            return
        for spec in REGISTRY[act.ref.kind].fields:
            if spec.required and spec.default is None and act.new.get(spec.name) is None:
                yield Problem(f"it has no {spec.name}")

    def _past(self, act: Act) -> Iterator[Problem]:
        """Who had this key before: it may not come back in another domain."""
        scope, domains = self.world.past_scope(act.ref), self.delegation.domains
        strange = domains_of(scope) - domains if domains is not None else frozenset()
        if strange:
            yield Problem(f"{act.ref} was a record of domain {min(strange)}, which is not delegated")

    def _dragged(self, act: Act, depth: int) -> Iterator[Problem]:
        """A deletion is also that of what depends on it, and a change of what merely names it."""
        if depth >= DEEPEST:
            yield Problem(f"too much depends on {act.ref}")
            return
        for referrer, mode in self.world.dependents(act.ref):
            before, after = self.world.before(referrer), self.world.after(referrer)
            if before is None or not _refers(referrer, after, act.ref):
                continue
            gone = frozenset({(act.ref.kind, act.ref.key)})
            left = None if mode is Mode.OWNING else REGISTRY[referrer.kind].without(before, gone)
            changed = frozenset(n for n in before if left is None or not same(left.get(n), before[n]))
            problem = self.problem(Act(referrer, before, left, changed), depth + 1)
            if problem is not None:
                yield Problem(f"{referrer} depends on it: {problem.why}", problem.missing)

    # what rules ask

    def fleet_wide(self, what: str) -> Iterator[Problem]:
        """It concerns the whole fleet: only a delegation of all domains allows it."""
        if self.delegation.domains is not None:
            yield Problem(f"{what} belongs to no domain, and not all domains are delegated")

    def sovereign(self, what: str) -> Iterator[Problem]:
        """It can lead to any right: only a delegation of all domains and all roles allows it."""
        if not self.is_sovereign:
            yield Problem(f"{what} is for a delegation of all domains and all roles")

    def domain(self, identifiers: Iterable[str]) -> Iterator[Problem]:
        """Domains, by id."""
        domains = self.delegation.domains
        if domains is None:
            return
        for found in identifiers:
            if found not in domains:
                yield Problem(f"domain {found} is not delegated")

    def within(self, kind: str, keys: Iterable[str], *, gone: bool = False) -> Iterator[Problem]:
        """Records that must lie in delegated domains, as they are and as they will be.

        ``gone``: one that was deleted counts as where it was, for what only remembers it.
        """
        if self.delegation.domains is None:
            return
        for key in keys:
            yield from self._within(Ref(kind, key), gone)

    def _within(self, ref: Ref, gone: bool) -> Iterator[Problem]:
        found = [
            (candidate, content)
            for candidate in (ref, *(Ref(kind, ref.key) for kind in ALTERNATIVES.get(ref.kind, ())))
            for content in (self.world.before(candidate), self.world.after(candidate))
            if content is not None
        ]
        if not found:
            yield from self._nowhere(ref, gone)
        for candidate, content in found:
            yield from self._place(candidate, content, gone)

    def _nowhere(self, ref: Ref, gone: bool) -> Iterator[Problem]:
        scope = self.world.past_scope(ref) if gone else None
        outside = self.world.outside(ref)
        if scope is None and outside:
            yield from self.domain(sorted(outside))
        elif scope is None:
            yield Problem(f"{ref} is not here, so it belongs to no delegated domain", ref)
        else:
            yield from self.domain(sorted(domains_of(scope)))

    def _place(self, ref: Ref, content: Document, gone: bool) -> Iterator[Problem]:
        if ref.kind == "domain":
            yield from self.domain([ref.key])
        elif ref.kind in _OF_A_USER:
            owner = content.get(_WHERE.get(ref.kind, "user_id"))
            yield from self.within("user", [str(owner)] if owner is not None else [], gone=gone)
        elif content.get("domain_id") is not None:
            yield from self.domain([str(content["domain_id"])])
        else:
            yield Problem(f"{ref} belongs to no domain, and not all domains are delegated")

    def roles(self, identifiers: Iterable[str]) -> Iterator[Problem]:
        """Roles that must be grantable."""
        for found in dict.fromkeys(identifiers):
            if not self.grantable(found):
                yield Problem(f"role {found} may not be granted")

    def grantable(self, role: str) -> bool:
        """Whether the spoke may grant a role: a delegated one, or one of its own domains' that implies only
        such.
        """
        roles = self.delegation.roles
        if roles is None or role in roles:
            return True
        return self._own_role(role) and all(found in roles for found in self._implied(role))

    def _own_role(self, role: str) -> bool:
        domains = self.delegation.domains
        contents = [self.world.before(Ref("role", role)), self.world.after(Ref("role", role))]
        places = [content.get("domain_id") for content in contents if content is not None]
        return bool(places) and all(
            place is not None and (domains is None or place in domains) for place in places
        )

    def _implied(self, role: str) -> set[str]:
        """What a role implies, and what that implies, before or after."""
        found: set[str] = set()
        queue = [role]
        while queue:
            prior = Ref("role", queue.pop())
            for ref in {*self.world.referrers(prior, IMPLIED), *self.world.claimed(prior, IMPLIED)}:
                first, implied = REGISTRY["implied_role"].split_key(ref.key)
                if first == prior.key and implied not in found:
                    found.add(implied)
                    queue.append(implied)
        return found

    def holds_nothing_beyond(self, kind: str, key: str) -> Iterator[Problem]:
        """A user or group whose rights at the hub are within the delegation, whoever gave them."""
        if self.is_sovereign:
            return
        for referrer in self._rights([Ref(name, key) for name in (kind, *ALTERNATIVES.get(kind, ()))]):
            content = self.world.before(referrer)
            if content is not None:
                yield from self._held(kind, key, referrer, content)

    def _rights(self, holders: list[Ref]) -> list[Ref]:
        """What gives one of these a right; asked for together, so that one read finds all."""
        found: list[Ref] = []
        unread = False
        for holder in holders:
            try:
                found += self.world.referrers(holder, RIGHTS)
            except Unread:
                unread = True
        if unread:
            raise Unread
        return found

    def _held(self, kind: str, key: str, ref: Ref, content: Document) -> Iterator[Problem]:
        def beyond(problems: Iterator[Problem]) -> Iterator[Problem]:
            for problem in problems:
                yield Problem(f"{kind} {key} holds more than is delegated: {problem.why}")

        if ref.kind == "system_assignment" and content.get("actor_id") == key:
            yield Problem(f"{kind} {key} holds more than is delegated: a role on the system")
        elif ref.kind == "assignment" and content.get("actor_id") == key:
            yield from beyond(self.within(*target_of(content)))
            yield from beyond(self.roles([str(content.get("role_id"))]))
        elif ref.kind in ("membership", "expiring_membership") and kind == "user":
            yield from beyond(self.holds_nothing_beyond("group", str(content.get("group_id"))))
        elif ref.kind == "trust" and content.get("trustee_user_id") == key and not content.get("deleted_at"):
            yield from beyond(self.within("user", [str(content.get("trustor_user_id"))], gone=True))
            yield from beyond(self.roles(texts(content.get("roles"))))


def target_of(grant: Document) -> tuple[str, list[str]]:
    """The kind and key of what a grant is about."""
    kind = "domain" if str(grant.get("type", "")).endswith("Domain") else "project"
    return kind, [str(grant.get("target_id"))]


def actor_of(grant: Document) -> tuple[str, list[str]]:
    """The kind and key of who gets a grant."""
    kind = "group" if str(grant.get("type", "")).startswith("Group") else "user"
    return kind, [str(grant.get("actor_id"))]


def texts(value: object) -> list[str]:
    """The members of a list field as text."""
    return [str(item) for item in value] if isinstance(value, list) else []


def _refers(referrer: Ref, content: Document | None, target: Ref) -> bool:
    if content is None:
        return False
    return any((r.kind, r.key) == target for r in REGISTRY[referrer.kind].references_of(content))
