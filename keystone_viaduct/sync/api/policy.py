"""Who may call: oslo.policy rules of our own, on top of a scope that no rule can loosen."""

from __future__ import annotations

from typing import Any

import flask
from keystone.common import authorization, context
from keystone.common.rbac_enforcer import enforcer
from oslo_policy import policy
from oslo_utils import timeutils

from keystone_viaduct.errors import ScopeRequired
from keystone_viaduct.kinds.local import ROLE_NAME
from keystone_viaduct.sync.api import callers
from keystone_viaduct.sync.api.frontdoor import CALLER, REVOCATIONS

_ADMIN = "role:admin and system_scope:all"
#: What the agent does it may do by a role of its own, which allows nothing else in Keystone.
_AGENT = f"(role:admin or role:{ROLE_NAME}) and system_scope:all"
_SCOPE = ["system"]
#: Where the id of who calls stands in ``flask.g``: of a remembered caller Keystone knows nothing.
WHO = "sync_caller"


def _rule(
    name: str, description: str, *operations: tuple[str, str], check: str = _AGENT
) -> policy.DocumentedRuleDefault:
    return policy.DocumentedRuleDefault(
        name=f"sync:{name}",
        check_str=check,
        description=description,
        operations=[{"method": method, "path": f"/v3/OS-SYNC{path}"} for method, path in operations],
        scope_types=_SCOPE,
    )


_RECORD = "/records/{kind}/{key}"
_CHECKPOINT = "/checkpoints/{site}"
_KEYS = "/keys/{repository}"

RULES = (
    _rule("get_capabilities", "What this site is and can store", ("GET", ""), ("GET", "/key-proofs")),
    _rule("read_changes", "Read the feed, secrets sealed for a registered peer", ("GET", "/changes")),
    _rule("apply_changes", "Apply another site's changes, with their ids", ("POST", "/changes")),
    _rule(
        "get_record", "Read a record without its secrets", ("GET", "/records"), ("GET", _RECORD), check=_ADMIN
    ),
    _rule("put_record", "Create or change a record under a given id", ("PUT", _RECORD), check=_ADMIN),
    _rule("delete_record", "Delete a record", ("DELETE", _RECORD), check=_ADMIN),
    _rule("get_checkpoint", "How far this site has come with another", ("GET", _CHECKPOINT)),
    _rule("forget_checkpoint", "Have another site's whole feed read again", ("DELETE", _CHECKPOINT)),
    _rule("resume_checkpoint", "Go on with a site's feed after a comparison", ("PUT", _CHECKPOINT)),
    _rule("compare", "Digests of records, in buckets", ("POST", "/summary"), ("POST", "/listing")),
    _rule("show_records", "Move records to the end of the feed", ("POST", "/shown")),
    _rule("purge", "Drop what is kept for a time only", ("POST", "/purge")),
    _rule("get_sweep", "How far the sweep is, and what waits for a person", ("GET", "/sweep")),
    _rule("sweep", "Compare a batch of rows with their records", ("POST", "/sweep")),
    _rule(
        "decide_held",
        "Confirm or discard deletions that a sweep has found",
        ("POST", "/sweep/held"),
        check=_ADMIN,
    ),
    _rule("get_waiting", "What waits at this site, and why", ("GET", "/waiting")),
    _rule("retry_waiting", "Try again what is carried or put aside", ("POST", "/waiting"), check=_ADMIN),
    _rule("get_metrics", "The site's metrics, and the upgrades of its schema", ("GET", "/metrics")),
    _rule("list_peers", "The registered sites", ("GET", "/peers")),
    _rule("register_peer", "Register a site and its public key", ("PUT", "/peers/{site}")),
    _rule(
        "confirm_key",
        "Take a site's new public key that it has not proven (with `confirmed`)",
        ("PUT", "/peers/{site}"),
        check=_ADMIN,
    ),
    _rule("retire_peer", "Forget a site that is gone for good", ("DELETE", "/peers/{site}"), check=_ADMIN),
    _rule(
        "hold_lease", "Take, renew or give back the agents' lease", ("PUT", "/lease"), ("DELETE", "/lease")
    ),
    _rule("get_lease", "Which agent is at work", ("GET", "/lease")),
    _rule(
        "list_conflicts",
        "The list of conflicts",
        ("GET", "/conflicts"),
        ("GET", "/conflicts/{id}"),
        check=_ADMIN,
    ),
    _rule(
        "resolve_conflict",
        "Keep or reverse a decision",
        ("PUT", "/conflicts/{id}/resolution"),
        ("POST", "/conflicts"),
        check=_ADMIN,
    ),
    _rule("merge_records", "Merge two records under one id", ("POST", "/merges"), check=_ADMIN),
    _rule("get_joining", "What was chosen for a site that joins", ("GET", "/joining/{site}")),
    _rule("put_joining", "Choose whose access changes how when a site joins", ("PUT", "/joining/{site}")),
    _rule("get_hub", "Who is the hub, and whether this site could be", ("GET", "/hub")),
    _rule("follow_hub", "Follow a hub that was promoted", ("PUT", "/hub")),
    _rule(
        "promote",
        "Make this site the hub, or hand over to another",
        ("POST", "/hub"),
        ("DELETE", "/hub"),
        check=_ADMIN,
    ),
    _rule("get_charter", "What each spoke holds and may change", ("GET", "/charter")),
    _rule("put_charter", "Replace the fleet's charter, at the hub", ("PUT", "/charter"), check=_ADMIN),
    _rule("list_audit", "Who has changed the fleet's settings here", ("GET", "/audit"), check=_ADMIN),
    _rule("get_keys", "Fingerprints of the keys of tokens", ("GET", "/keys")),
    _rule("read_keys", "The Fernet keys, sealed for a registered peer", ("GET", _KEYS)),
    _rule("write_keys", "Take the hub's keys of tokens", ("PUT", _KEYS), ("PUT", "/public-keys")),
    _rule("rotate_keys", "Rotate the fleet's keys of tokens", ("POST", _KEYS), ("POST", "/public-keys")),
    _rule("read_secret", "The fleet's secret, sealed for a registered peer", ("GET", "/secret")),
    _rule("read_poke_key", "The key that proves this site's pokes to the agent", ("GET", "/poke-key")),
    _rule("write_secret", "Take the fleet's secret when joining", ("PUT", "/secret")),
)


def list_rules() -> tuple[policy.DocumentedRuleDefault, ...]:
    """Entry point ``oslo.policy.policies``: what ``oslopolicy-policy-generator`` prints."""
    return RULES


def enforce(action: str) -> None:
    """Let a system administrator through, or the agent's account where the rule names its role.

    Raises Unauthorized, ForbiddenAction (Keystone's), ScopeRequired.

    The scope is checked here as well: ``[oslo_policy] enforce_scope`` may be off, and a policy file may say
    anything. The shared administrator token of old has no scope and is refused.
    """
    door = enforcer.RBACEnforcer()
    setattr(flask.g, enforcer._ENFORCEMENT_CHECK_ATTR, True)
    environ = flask.request.environ
    known: callers.Caller | None = environ.get(CALLER)
    if known is None:
        door._assert_is_authenticated()
        credentials = dict(environ[context.REQUEST_CONTEXT_ENV].to_policy_values())
    else:
        credentials = dict(known.credentials)
    if credentials.get("system_scope") != "all":
        raise ScopeRequired(
            "the synchronisation API needs a token that is scoped to the system",
            hint="use `system_scope: all` in clouds.yaml (`openstack --os-system-scope all`)",
            action=action,
        )
    setattr(flask.g, WHO, str(credentials.get("user_id") or ""))
    _register(door._enforcer)
    door._enforce(credentials=credentials, action=action, target={})
    if known is None and REVOCATIONS in environ:
        _remember(environ, credentials)


def _remember(environ: dict[str, Any], credentials: dict[str, Any]) -> None:
    token = environ.get(authorization.AUTH_CONTEXT_ENV, {}).get("token")
    presented = environ.get("HTTP_X_AUTH_TOKEN")
    if token is not None and presented:
        left = timeutils.delta_seconds(timeutils.utcnow(), timeutils.normalize_time(_end(token)))
        callers.current.remember(presented, credentials, environ[REVOCATIONS], left)


def _end(token: Any) -> Any:
    return timeutils.parse_isotime(token.expires_at)


def _register(found: Any) -> None:
    """Keystone makes its enforcer when it is first asked, so the rules are added then."""
    for rule in RULES:
        if rule.name not in found.registered_rules:
            found.register_default(rule)
