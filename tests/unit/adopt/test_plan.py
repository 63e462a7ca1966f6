"""What matches, what clashes and which ids change, by hand-made inventories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from keystone_viaduct.errors import ConfigError, UnknownKind
from keystone_viaduct.kinds.model import JSON, Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.adopt import Choice, Overrides, Plan, make_plan, plan_to_json, plan_to_text
from keystone_viaduct.sync.adopt.names import MOVABLE, Held
from tests.unit.adopt.inventories import Listed, domain, endpoint, project, role, user


def moves(plan: Plan) -> set[tuple[str, str, str]]:
    return {(move.kind, move.old, move.new) for move in plan.moves}


def reasons(plan: Plan) -> set[tuple[str, str]]:
    return {(clash.kind, clash.reason) for clash in plan.clashes}


@pytest.fixture
def hub() -> Listed:
    return Listed("east")


@pytest.fixture
def spoke() -> Listed:
    return Listed("west")


def test_the_same_name_under_another_id_gets_the_hubs_id(hub: Listed, spoke: Listed) -> None:
    role(hub, "h", "admin")
    role(spoke, "s", "admin")
    plan = make_plan(spoke, hub)
    assert moves(plan) == {("role", "s", "h")} and not plan.moves[0].outside
    assert not plan.clashes and not plan.only_here and not plan.only_there


def test_equal_sites_have_nothing_to_do(hub: Listed, spoke: Listed) -> None:
    for site in (hub, spoke):
        role(domain(site, "default", "Default"), "r", "admin")
    plan = make_plan(spoke, hub)
    assert plan.settled and {match.differing for match in plan.matches} == {()}


def test_names_are_looked_for_inside_what_matched_before(hub: Listed, spoke: Listed) -> None:
    user(project(domain(hub, "hd", "acme"), "hp", "dev", "hd"), "hu", "ann", "hd")
    user(project(domain(spoke, "sd", "acme"), "sp", "dev", "sd"), "su", "ann", "sd")
    assert moves(make_plan(spoke, hub)) == {
        ("domain", "sd", "hd"),
        ("project", "sp", "hp"),
        ("user", "su", "hu"),
    }


def test_one_name_in_two_domains_is_two_things(hub: Listed, spoke: Listed) -> None:
    user(domain(domain(hub, "a", "acme"), "b", "beta"), "hu", "ann", "a")
    user(domain(domain(spoke, "a", "acme"), "b", "beta"), "su", "ann", "b")
    plan = make_plan(spoke, hub)
    assert plan.settled and plan.only_here == {"user": ("su",)} and plan.only_there == {"user": ("hu",)}


def test_what_other_services_know_waits_for_rekey_and_so_does_what_belongs_to_it(
    hub: Listed, spoke: Listed
) -> None:
    for site, d in ((hub, "hd"), (spoke, "sd")):
        domain(site, d, "acme")
        role(site, f"{d}-deputy", "deputy", domain_id=d)
        role(site, f"{d}-admin", "admin")
    plan = make_plan(spoke, hub)
    assert {move.label for move in plan.due(rekey=False)} == {"admin"}
    assert {move.label for move in plan.withheld(rekey=False)} == {"acme", "deputy"}
    assert len(plan.due(rekey=True)) == 3 and not plan.withheld(rekey=True)


def test_services_match_by_type_and_name_and_endpoints_by_service_region_and_interface(
    hub: Listed, spoke: Listed
) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        site.add("region", id="r", description="", parent_region_id=None)
        site.add("service", id=f"{k}1", type="compute", extra__name="nova", enabled=True)
        site.add("service", id=f"{k}2", type="compute", extra__name=f"other {k}", enabled=True)
        endpoint(site, f"{k}e", f"{k}1", f"http://{k}")
    plan = make_plan(spoke, hub)
    assert moves(plan) == {("service", "s1", "h1"), ("endpoint", "se", "he")}
    assert {m.kind: m.differing for m in plan.matches if m.differing} == {"endpoint": ("url",)}


def test_several_of_one_name_match_by_contents_and_clash_otherwise(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        site.add("region", id="r", description="", parent_region_id=None)
        site.add("service", id="n", type="compute", extra__name="nova", enabled=True)
        endpoint(site, f"{k}1", "n", "http://one")
        endpoint(site, f"{k}2", "n", "http://two")
    assert moves(make_plan(spoke, hub)) == {("endpoint", "s1", "h1"), ("endpoint", "s2", "h2")}
    endpoint(spoke, "s3", "n", "http://three")
    endpoint(spoke, "s4", "n", "http://four")
    endpoint(hub, "h3", "n", "http://five")
    plan = make_plan(spoke, hub)
    assert moves(plan) == {("endpoint", "s1", "h1"), ("endpoint", "s2", "h2")}
    assert reasons(plan) == {("endpoint", "ambiguous")}
    (clash,) = plan.clashes
    assert (clash.here, clash.there) == (("s3", "s4"), ("h3",)) and clash.hint


def test_an_id_and_a_name_that_disagree_clash(hub: Listed, spoke: Listed) -> None:
    role(role(hub, "a", "one"), "b", "two")
    role(role(spoke, "a", "two"), "b", "one")
    plan = make_plan(spoke, hub)
    assert plan.settled and reasons(plan) == {("role", "crossed")}
    assert {match.differing for match in plan.matches} == {("name",)}


def test_two_names_of_one_user_that_disagree_clash(hub: Listed, spoke: Listed) -> None:
    domain(hub, "default", "Default")
    domain(spoke, "default", "Default")
    person: JSON = [{"idp_id": "idp", "protocol_id": "p", "unique_id": "ann@idp", "display_name": "ann"}]
    user(spoke, "s", "ann", federated=person)
    user(hub, "h1", "ann")
    hub.add("user", id="h2", domain_id="default", federated=person)
    plan = make_plan(spoke, hub)
    assert plan.settled and reasons(plan) == {("user", "crossed")}


@pytest.mark.parametrize("where", ["hub", "spoke", "elsewhere"])
def test_names_that_differ_in_case_clash_when_some_database_folds(
    hub: Listed, spoke: Listed, where: str
) -> None:
    role(hub, "h", "Member")
    role(spoke, "s", "member")
    assert make_plan(spoke, hub).only_here == {"role": ("s",)}, "nobody folds"
    hub.folds, spoke.folds = where == "hub", where == "spoke"
    plan = make_plan(spoke, hub, folds=where == "elsewhere")
    assert plan.settled and reasons(plan) == {("role", "case")}
    same = make_plan(spoke, hub, Overrides({("role", "s"): Choice.HUB}), folds=True)
    assert moves(same) == {("role", "s", "h")} and not same.clashes
    assert same.matches[0].differing == ("name",)
    other = make_plan(spoke, hub, Overrides({("role", "s"): Choice.APART}), folds=True)
    assert other.settled and not other.clashes and [m.here for m in other.apart] == ["s"]


def test_two_names_of_one_site_that_a_folding_database_cannot_hold_are_told(
    hub: Listed, spoke: Listed
) -> None:
    role(role(spoke, "s1", "Straße"), "s2", "STRASSE")
    hub.folds = True
    (clash,) = make_plan(spoke, hub).clashes
    assert (clash.reason, clash.here, clash.there) == ("case", ("s1", "s2"), ())


def test_an_ldap_domain_is_left_alone(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        domain(site, f"{k}d", "corp")
        project(site, f"{k}p", "dev", f"{k}d")
    mapped = {"local_id": "ann", "entity_type": "user"}
    spoke.add("id_mapping", public_id="f" * 64, domain_id="sd", **mapped)
    plan = make_plan(spoke, hub)
    assert plan.settled and reasons(plan) == {("domain", "hashed")} and "LDAP" in plan.clashes[0].hint
    here = make_plan(spoke, hub, Overrides({("domain", "corp"): Choice.HERE}))
    assert {(m.kind, m.old, m.new) for m in here.hub_moves} == {("domain", "hd", "sd")}
    assert moves(here) == {("project", "sp", "hp")} and not here.clashes


def test_a_domain_with_a_driver_of_its_own_counts_as_ldap(hub: Listed, spoke: Listed) -> None:
    domain(hub, "h", "corp")
    domain(spoke, "s", "corp")
    spoke.records["domain_config"] = {"s": {"domain_id": "s", "whitelisted.identity/driver": "ldap"}}
    assert reasons(make_plan(spoke, hub)) == {("domain", "hashed")}
    spoke.records["domain_config"] = {"s": {"domain_id": "s", "whitelisted.identity/driver": "sql"}}
    assert moves(make_plan(spoke, hub)) == {("domain", "s", "h")}


def test_domains_that_keystone_made_for_one_identity_provider_match(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        domain(domain(site, f"{k}1", f"{k}1"), f"{k}2", f"{k}2")
        site.add("identity_provider", id="idp", domain_id=f"{k}1", enabled=True, remote_ids=[])
    plan = make_plan(spoke, hub)
    assert moves(plan) == {("domain", "s1", "h1")} and plan.only_here == {"domain": ("s2",)}
    assert {m.kind: m.differing for m in plan.matches} == {"domain": ("name",), "identity_provider": ()}
    assert not plan.clashes


def test_lists_of_ids_are_compared_without_their_order(hub: Listed, spoke: Listed) -> None:
    for site, roles in ((hub, ["b", "a"]), (spoke, ["a", "b"])):
        site.add("access_token", id="t", authorizing_user_id="u", role_ids=[*roles])
    assert {match.differing for match in make_plan(spoke, hub).matches} == {()}


def test_an_application_credential_of_the_same_name_is_held(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        user(domain(site, "default", "Default"), f"{k}u", "ann")
        site.add("application_credential", id=f"{k}a", name="ci", user_id=f"{k}u", secret_hash=k)
    plan = make_plan(spoke, hub)
    assert moves(plan) == {("user", "su", "hu")} and reasons(plan) == {("application_credential", "held")}


def test_grants_are_compared_under_the_hubs_ids(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        domain(site, "default", "Default")
        role(user(project(site, f"{k}p", "dev", "default"), f"{k}u", "ann"), f"{k}r", "member")
        grant = {"type": "UserProject", "actor_id": f"{k}u", "target_id": f"{k}p", "role_id": f"{k}r"}
        site.add("assignment", inherited=False, **grant)
        if site is spoke:
            site.add("assignment", inherited=True, **grant)
    plan = make_plan(spoke, hub)
    assert plan.only_here == {"assignment": ("UserProject/su/sp/sr/1",)} and not plan.only_there


def test_rules_that_name_a_later_kind_are_compared_under_its_new_ids(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        domain(site, "default", "Default").add("group", id=f"{k}g", domain_id="default", name="ops")
        site.add("mapping", id="m", rules=[{"local": [{"group": {"id": f"{k}g"}}]}], schema_version="1.0")
    assert not [match for match in make_plan(spoke, hub).matches if match.differing]


def test_fields_that_differ_are_named_but_not_shown(hub: Listed, spoke: Listed) -> None:
    user(domain(hub, "default", "Default"), "u", "ann", passwords=[{"password_hash": "$hub$"}])
    user(domain(spoke, "default", "Default"), "u", "ann", passwords=[{"password_hash": "$here$"}])
    plan = make_plan(spoke, hub)
    assert plan.matches[-1].differing == ("passwords",)
    shown = plan_to_text(plan, rekey=True) + json.dumps(plan_to_json(plan, rekey=True))
    assert "passwords" in shown and "$" not in shown


def test_an_inventory_without_secrets_is_not_taken_for_one_without_passwords(
    hub: Listed, spoke: Listed
) -> None:
    hub.secrets = False
    user(domain(hub, "default", "Default"), "u", "ann")
    user(domain(spoke, "default", "Default"), "u", "ann", passwords=[{"password_hash": "two"}])
    plan = make_plan(spoke, hub)
    assert not [match for match in plan.matches if match.differing] and "secret" in plan.notes[0]


def test_overrides_turn_the_direction_or_keep_apart(hub: Listed, spoke: Listed) -> None:
    for key in ("admin", "member", "reader"):
        role(hub, f"h-{key}", key)
        role(spoke, f"s-{key}", key)
    choices = Overrides.parse(["role/admin=here", "role/h-member=apart", "role/nobody=hub"])
    plan = make_plan(spoke, hub, choices)
    assert moves(plan) == {("role", "s-reader", "h-reader")}
    assert [(move.old, move.new) for move in plan.hub_moves] == [("h-admin", "s-admin")]
    assert [(match.here, match.there) for match in plan.apart] == [("s-member", "h-member")]
    assert plan.notes == ("--prefer role/nobody: no record of that name matches another",)


@pytest.mark.parametrize("text", ["role/admin", "admin=here", "role/=hub", "role/admin=mine"])
def test_a_bad_override_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Overrides.parse([text])
    assert caught.value.hint


def test_an_override_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownKind):
        Overrides.parse(["rule/admin=hub"])


def test_the_text_says_which_tokens_stop_and_how_many(hub: Listed, spoke: Listed) -> None:
    for site, k in ((hub, "h"), (spoke, "s")):
        domain(site, "default", "Default")
        user(user(project(site, f"{k}p", "dev", "default"), f"{k}1", "ann"), f"{k}2", "ben")
    plan = make_plan(spoke, hub)
    text = plan_to_text(plan, rekey=True)
    assert "every token of 2 user(s)" in text and "scoped to 1 project(s)" in text
    assert "only with --rekey" in plan_to_text(plan, rekey=False)
    assert plan_to_json(plan, rekey=False)["tokens"] == []


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda kind: kind.name)
def test_of_two_records_that_can_not_be_equal_each_is_kept(kind: Kind) -> None:
    """Adopt makes them one; else the loser of the clash gives its name (or time) up, and not its life.

    The mapping of an id says all that there is to it.
    """
    clashing = [
        natural
        for natural in kind.natural
        if natural.enforced and not natural.each and not set(kind.key) & set(natural.fields)
    ]
    kept = kind.name in MOVABLE or kind.rename is not None or kind.name == "id_mapping"
    assert kept or not clashing


class AskedOf(Listed):
    """An inventory whose database is at hand, and takes eszett for a plain s, as MySQL's usual collation."""

    def compared(self, held: Sequence[Held]) -> Mapping[Held, object]:
        return {item: [str(value).upper().replace("SS", "S") for value in item[2]] for item in held}


def test_a_database_at_hand_says_itself_which_names_are_equal() -> None:
    hub, spoke = Listed("hub"), AskedOf("spoke", folds=True)
    role(hub, "h", "strase")
    role(spoke, "s", "straße")
    assert [clash.reason for clash in make_plan(spoke, hub).clashes] == ["case"]
    spoke.folds = False
    assert not make_plan(spoke, hub).clashes
    assert not make_plan(spoke, hub, folds=True).clashes, "that is not at hand, and no usual one does it"
