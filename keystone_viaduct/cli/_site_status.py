"""Show how far this site is: feed, records per kind, what waits, what was in conflict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import KEYSTONE, OUTPUT, Arguments
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.health.view import waiting_as_dict
from keystone_viaduct.sync.charter import coverage_to_json
from keystone_viaduct.sync.model import Peer, SiteState
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.sealing import key_fingerprint
from keystone_viaduct.sync.waiting import counted, waiting

if TYPE_CHECKING:
    from keystone_viaduct.sync.store import SqlTransaction

HELP = "show how far this site is"
SECTION = "site"
EXAMPLES = (
    "viaduct site status",
    "viaduct site status --format json",
)
ERROR_EXIT_CODE = 2
#: Records that wait, named one by one.
NAMED = 20


PARAMS = (
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Reads only, and sequences nothing."""
    from keystone_viaduct.cli import _without_sql
    from keystone_viaduct.cli._site import open_store

    conf = _without_sql.configuration(args)
    if conf is not None:
        return _without_sql.status(conf, terminal)
    settings = _keystone.settings_of(args)
    store = open_store(settings)
    found = store.read(gather)
    found["key"] = key_fingerprint(store.ring.public_key)
    found["revocations"] = revocations(found, settings, SystemClock().now())
    terminal.data(found)
    _show(terminal, found)
    return 0


def gather(tx: SqlTransaction) -> dict[str, Any]:
    """Everything, ready for JSON. Raises NotInitialised."""
    state = tx.known_state()
    marks, oldest = tx.count_marks()
    open_conflicts, conflicts = tx.count_conflicts()
    found = waiting(cast(Transaction, tx))
    return {
        "site": state.site,
        "hub": state.hub,
        "incarnation": state.incarnation,
        "term": state.term,
        "former": state.former,
        "not_met": _not_met(state, tx.peers()),
        "head": state.head,
        "caught_up": state.caught_up,
        "knowledge": dict(state.knowledge.entries),
        "joined": bool(state.fleet_secret),
        "coverage": coverage_to_json(state.coverage),
        "complete": state.is_hub or state.is_complete,
        "marks": {"count": marks, "oldest": oldest},
        "records": {kind: count._asdict() for kind, count in sorted(tx.count_records().items())},
        "pending": tx.count_pending(),
        "waiting_for": tx.count_reasons(),
        "waiting": [waiting_as_dict(item) for item in found[:NAMED]],
        "waiting_states": counted(found),
        "conflicts": {"open": open_conflicts, "all": conflicts},
        "purged": state.purged,
        "sweep": {**asdict(tx.sweep_state()), "held": tx.count_held()},
        "checkpoints": {source: place._asdict() for source, place in tx.checkpoints().items()},
        "peers": {
            name: {
                "acknowledged": peer.acknowledged,
                "heard": peer.heard,
                "live": peer.live,
                "public_key": peer.public_key.hex(),
            }
            for name, peer in tx.peers().items()
        },
    }


def _not_met(state: SiteState, peers: Mapping[str, Peer]) -> list[str]:
    """At a hub that was promoted: the sites that have not yet shown in its term all that they have."""
    if not state.is_hub or state.term == 1:
        return []
    return sorted(peer.site for peer in peers.values() if peer.met < state.term)


def revocations(found: Mapping[str, Any], settings: _keystone.KeystoneSettings, now: int) -> dict[str, Any]:
    """When what is revoked elsewhere is refused here. Times in seconds; None for no bound.

    ``age``: since this site last had all that the hub had. ``refuse_after``: beyond it the site is to refuse
    tokens; ``refusing``: it is beyond.
    """
    if found["site"] == found["hub"]:
        return {"age": 0.0, "refuse_after": None, "refusing": False}
    age = max(0, now - found["caught_up"]) / 1_000_000 if found["caught_up"] else None
    limit = settings.refuse_after or None
    return {"age": age, "refuse_after": limit, "refusing": bool(limit and age is not None and age > limit)}


def _tell_revocations(terminal: Terminal, known: Mapping[str, Any]) -> None:
    age, limit = known["age"], known["refuse_after"]
    last = "never yet" if age is None else f"{age:.0f} s ago"
    terminal.say(
        f"had all of the hub {last}; what was revoked elsewhere since is valid here until it has again"
    )
    if known["refusing"]:
        terminal.say(f"tokens are refused here: [viaduct] refuse_after is {limit:g} s")
    elif limit:
        terminal.say(f"without the hub this site refuses tokens after {limit:g} s ([viaduct] refuse_after)")
    else:
        terminal.say("without the hub it goes on accepting tokens ([viaduct] refuse_after is not set)")


def _show_hub(terminal: Terminal, found: dict[str, Any]) -> None:
    role = "the hub" if found["site"] == found["hub"] else f"a spoke of {found['hub']}"
    terminal.say(f"site {found['site']} ({role}), incarnation {found['incarnation']}, term {found['term']}")
    if found["former"]:
        terminal.say(f"former hub: {found['former']}; what waits from there is not settled yet")
    if found["not_met"]:
        terminal.say(f"have not shown yet in this term all that they have: {', '.join(found['not_met'])}")


def _show(terminal: Terminal, found: dict[str, Any]) -> None:
    _show_hub(terminal, found)
    terminal.say(f"key: {found['key']}")
    terminal.say(f"feed: {found['head']} numbered, {found['marks']['count']} marks to be numbered")
    reasons = {s: ", ".join(f"{n} {why}" for why, n in r.items()) for s, r in found["waiting_for"].items()}
    waiting = ", ".join(f"{number} from {s} ({reasons[s]})" for s, number in found["pending"].items())
    terminal.say(f"waiting: {waiting or 'nothing'}")
    if found["site"] != found["hub"]:
        _tell_revocations(terminal, found["revocations"])
    if not found["complete"]:
        terminal.say("this site does not hold all of the fleet, or is still loading it")
    terminal.say(f"conflicts: {found['conflicts']['open']} open of {found['conflicts']['all']}")
    held = sum(found["sweep"]["held"].values())
    terminal.say(f"tombstones purged up to {found['purged']}; {held} deletions wait for `viaduct sweep`")
    away = ", ".join(name for name, peer in found["peers"].items() if not peer["live"])
    if away:
        terminal.say(f"not waited for any more: {away}")
    rows = [[kind, count["live"], count["deleted"]] for kind, count in found["records"].items()]
    terminal.table("Records", ["kind", "live", "deleted"], rows)
    places = [[source, place["seq"], place["incarnation"]] for source, place in found["checkpoints"].items()]
    named = [
        [f"{w['kind']}/{w['key']}", w["name"], w["state"], w["reason"], w["why"]] for w in found["waiting"]
    ]
    if named:
        terminal.table("Waiting here", ["record", "name", "state", "reason", "why"], named)
    more = sum(found["waiting_states"].values()) - len(named)
    if more:
        terminal.say(f"and {more} more: `viaduct quarantine list {found['site']}` names them")
    terminal.table("Applied so far", ["source", "position", "incarnation"], places)
