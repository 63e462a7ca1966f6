"""Whose access changes by joining, what may be chosen, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.kinds.model import JSON, Document
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.adopt import (
    Access,
    Choices,
    FileInventory,
    Plan,
    access_lines,
    make_plan,
    save_inventory,
)
from keystone_viaduct.sync.adopt.choices import at_the_hubs_ids
from keystone_viaduct.sync.adopt.veil import Veil
from keystone_viaduct.sync.adopt.verdict import Move
from keystone_viaduct.sync.model import Ref
from tests.unit.adopt.inventories import Listed, domain, project, role, user

DAY = 86_400_000_000
PERSON: dict[str, JSON] = {"idp_id": "i", "protocol_id": "s", "unique_id": "a"}


def password(text: str, day: int = 1, expires: int | None = None) -> list[JSON]:
    """A user's only password."""
    item: dict[str, JSON] = {"created_at_int": day * DAY, "expires_at_int": expires, "self_service": False}
    return [{**item, "password_hash": f"hash of {text}"}]


@pytest.fixture
def hub() -> Listed:
    return project(role(domain(Listed("east"), "default", "Default"), "r", "member"), "p", "dev", "default")


@pytest.fixture
def spoke() -> Listed:
    return project(role(domain(Listed("west"), "default", "Default"), "r", "member"), "p", "dev", "default")


def grant(site: Listed, actor: str, target: str = "p", given: str = "r") -> Listed:
    return site.add(
        "assignment", type="UserProject", actor_id=actor, target_id=target, role_id=given, inherited=False
    )


def named(plan: Plan) -> dict[str, Access]:
    return {item.addresses[0]: item for item in plan.access}


def test_equal_sites_change_nobodys_access(hub: Listed, spoke: Listed) -> None:
    for site in (hub, spoke):
        grant(user(site, "u", "ann", passwords=password("one"), enabled=True), "u")
    assert make_plan(spoke, hub).access == ()


@pytest.mark.parametrize(
    ("here", "there", "what"),
    [
        ({"passwords": password("a")}, {"passwords": password("b")}, "password: set"),
        ({"passwords": password("a")}, {"passwords": []}, "password: only at west"),
        ({"passwords": password("a", expires=5 * DAY)}, {"passwords": password("a")}, "the password expires"),
        ({"enabled": False}, {"enabled": True}, "enabled at east, disabled at west"),
        ({"option__MFAE": True}, {}, "multi-factor log-in is on"),
        ({"option__1003": True}, {"option__1003": False}, "may not change the password"),
        (
            {"federated": [{"idp_id": "i", "protocol_id": "s", "unique_id": "a"}]},
            {"federated": []},
            "federated",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_lets_an_account_in_is_compared(
    hub: Listed, spoke: Listed, here: dict[str, JSON], there: dict[str, JSON], what: str
) -> None:
    user(hub, "u", "ann", "default", **there)
    user(spoke, "u", "ann", "default", **here)
    (found,) = make_plan(spoke, hub).access
    assert found.addresses == ("user/ann", "user/u") and what in " ".join(found.what)


def test_an_older_password_beside_the_present_one_changes_nothing(hub: Listed, spoke: Listed) -> None:
    user(hub, "u", "ann", passwords=[*password("old", 1), *password("now", 2)])
    user(spoke, "u", "ann", passwords=password("now", 2))
    assert make_plan(spoke, hub).access == ()


def test_the_newest_is_told_by_when_the_password_was_set(hub: Listed, spoke: Listed) -> None:
    user(hub, "u", "ann", passwords=password("a", 3))
    user(spoke, "u", "ann", passwords=password("b", 4))
    user(hub, "v", "bob", passwords=password("a", 5))
    user(spoke, "v", "bob", passwords=password("b", 4))
    user(hub, "w", "cid", enabled=True)
    user(spoke, "w", "cid", enabled=False)
    plan = make_plan(spoke, hub)
    settled = Choices.parse("newest").settle(plan.access)
    assert {item.label: choice for item, choice in settled.chosen.items()} == {"ann": "site", "bob": "hub"}
    assert [item.label for item in settled.open_] == ["cid"], "of that Keystone keeps no time"
    assert not Choices.parse("newest,hub").settle(plan.access).open_


def test_grants_of_what_both_have_are_named_and_others_come_along(hub: Listed, spoke: Listed) -> None:
    for site in (hub, spoke):
        user(site, "u", "ann")
        site.add("group", id="g", name="ops", domain_id="default")
    grant(hub, "u")
    project(spoke, "only", "branch", "default")
    grant(grant(user(spoke, "new", "zoe"), "u", "only"), "new")
    spoke.add("membership", user_id="u", group_id="g")
    plan = make_plan(spoke, hub)
    (found,) = plan.access
    assert found.addresses[0] == "roles/ann" and found.options == ("both", "hub", "site")
    assert found.what == ("member on project dev: only at east", "member of group ops: only at west")
    assert set(found.records) == {("assignment", "UserProject/u/p/r/0"), ("membership", "u/g")}
    assert plan.along == {"assignment": 1}, "a grant on a project that only one of them has"


def test_credentials_of_accounts_of_both_are_counted(hub: Listed, spoke: Listed) -> None:
    for site in (hub, spoke):
        user(site, "u", "ann")
    user(spoke, "new", "zoe")
    for key, owner in (("a", "u"), ("b", "new")):
        spoke.add("credential", id=key, user_id=owner, type="ec2", blob="{}", project_id=None)
    hub.add("application_credential", id="c", name="ci", user_id="u", secret_hash="h", roles=[])
    plan = make_plan(spoke, hub)
    assert plan.along == {"credential": 1, "application_credential": 1}
    told = [line for _, line in access_lines(plan, Choices().settle(plan.access))]
    assert told[-1].endswith("nothing to choose: 1 application credential, 1 credential")


def test_services_and_the_agent_are_told_apart(hub: Listed, spoke: Listed) -> None:
    for number, site in enumerate((hub, spoke)):
        role(site, "s", "service")
        project(site, "sp", "service", "default")
        for key, name in (("n", "nova"), ("g", "glance"), ("a", "sync"), ("u", "ann")):
            user(site, key, name, passwords=password(f"{name} {number}"))
        grant(grant(site, "n", "p", "s"), "g", "sp", "r")
    plan = make_plan(spoke, hub, agents=["sync"])
    found = named(plan)
    assert {item.label for item in found.values() if item.service} == {"nova", "glance"}
    assert [item.label for item in found.values() if item.agent] == ["sync"]
    told = [line for _, line in access_lines(plan, Choices().settle(plan.access))]
    order = [told.index(line) for line in told if line.endswith(":") and "(" in line]
    titles = [told[place] for place in order]
    assert titles == [
        "WARNING: the agent's own account (1):",
        "service accounts, by which other services log in (2):",
        "log in differently (1):",
    ]
    assert "4 log in differently; 2 of them are service accounts" in told[0]
    assert "0 chosen, 4 to be chosen" in told[1]


def test_what_is_told_is_bounded_unless_all_is_asked_for(hub: Listed, spoke: Listed) -> None:
    for number, site in enumerate((hub, spoke)):
        for key in range(30):
            user(site, f"u{key}", f"user{key:02}", passwords=password(f"{key} {number}"))
    plan = make_plan(spoke, hub)
    settled = Choices.parse("hub").settle(plan.access)
    short, whole = (
        [line for _, line in access_lines(plan, settled, everything=all_)] for all_ in (False, True)
    )
    assert "  ... and 10 more: see --all or --json" in short
    assert sum("user/user" in line for line in whole) == 30


def test_the_colour_says_nothing_that_words_do_not(hub: Listed, spoke: Listed) -> None:
    user(hub, "u", "ann", passwords=password("a"))
    user(spoke, "u", "ann", passwords=password("b"))
    plan = make_plan(spoke, hub)
    open_ = list(access_lines(plan, Choices().settle(plan.access)))
    chosen = list(access_lines(plan, Choices.parse("site").settle(plan.access)))
    assert {style for style, _ in open_} == {"bold red", ""}
    assert any("TO BE CHOSEN: hub | site" in line for _, line in open_)
    assert "bold red" not in {style for style, _ in chosen}
    assert any("chosen, this site's: at both sites as at west now" in line for _, line in chosen)


def test_a_name_that_several_have_is_no_way_to_choose(hub: Listed, spoke: Listed) -> None:
    for number, site in enumerate((hub, spoke)):
        domain(site, "d", "acme")
        user(site, "u", "ann", passwords=password(str(number)))
        user(site, "v", "ann", "d", passwords=password(str(number)))
    plan = make_plan(spoke, hub)
    with pytest.raises(ConfigError, match="is the name of 2") as told:
        Choices.parse("", ["user/ann=hub"]).settle(plan.access)
    assert "user/u, user/v" in told.value.hint
    assert len(Choices.parse("hub", ["user/v=site"]).settle(plan.access).chosen) == 2


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["user/ann"], "is no choice"),
        (["user/ann=mine"], "can't be chosen"),
        (["user/ann=both"], "can't be 'both'"),
        (["user/anne=hub"], "changes nobody's access of that name"),
    ],
)
def test_a_choice_that_makes_no_sense_is_told(
    hub: Listed, spoke: Listed, texts: list[str], message: str
) -> None:
    user(hub, "u", "ann", passwords=password("a"))
    user(spoke, "u", "ann", passwords=password("b"))
    plan = make_plan(spoke, hub)
    with pytest.raises(ConfigError, match=message) as told:
        Choices.parse("", texts).settle(plan.access)
    assert told.value.hint


def test_single_choices_win_over_a_file_over_all_over_what_was_chosen_before(
    hub: Listed, spoke: Listed, tmp_path: Path
) -> None:
    for key, name in (("a", "ann"), ("b", "bob"), ("c", "cid"), ("d", "dan")):
        user(hub, key, name, passwords=password("h"))
        user(spoke, key, name, passwords=password("s"))
    file = tmp_path / "choices.yaml"
    file.write_text("user/ann: hub\nuser/b: site\n")
    plan = make_plan(spoke, hub)
    stored = {("user", "c"): "site", ("user", "d"): "site"}
    found = Choices.parse("", ["user/ann=site"], file, stored).settle(plan.access)
    assert {item.label: choice for item, choice in found.chosen.items()} == dict.fromkeys(
        ("ann", "bob", "cid", "dan"), "site"
    )
    assert set(Choices.parse("hub", (), None, stored).settle(plan.access).chosen.values()) == {"hub"}


def test_ids_that_stay_two_make_two_of_one_name(hub: Listed, spoke: Listed) -> None:
    user(hub, "h", "ann", passwords=password("a"))
    user(spoke, "s", "ann", passwords=password("b"))
    (merged,) = make_plan(spoke, hub).access
    assert (merged.sort, merged.key) == ("login", "h")
    (apart,) = make_plan(spoke, hub, made=lambda outside: False).access
    assert (apart.sort, apart.key) == ("name", "s") and "ann~west" in apart.what[0]


def test_a_file_holds_digests_only_and_tells_equal_from_different(
    hub: Listed, spoke: Listed, tmp_path: Path
) -> None:
    for site, text in ((hub, "east"), (spoke, "west")):
        user(site, "u", "ann", passwords=password(text))
        user(site, "v", "bob", passwords=password("same"))
        site.add("credential", id="c", user_id="u", type="totp", blob=f"seed of {text}", project_id=None)
        site.add("credential", id="d", user_id="u", type="cert", blob="one", project_id=None)
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        save_inventory(hub, path)
    one, two = (FileInventory(path) for path in paths)
    assert "hash of" not in str(one.documents("user")) and "seed" not in str(one.documents("credential"))
    assert one.documents("user") != two.documents("user"), "each file has a salt of its own"
    by_file, by_database = make_plan(spoke, one), make_plan(spoke, hub)
    assert set(named(by_file)) == set(named(by_database)) == {"user/ann", "credential/c"}
    assert by_file.secrets and not by_file.notes


def test_a_file_without_digests_says_first_what_can_not_be_told(hub: Listed, spoke: Listed) -> None:
    """As an older release made it: each account of both sites is listed, and somebody has to choose."""
    hub.secrets = False
    user(hub, "u", "ann")
    user(spoke, "u", "ann", passwords=password("b"))
    user(spoke, "x", "xan", passwords=password("b"))
    plan = make_plan(spoke, hub)
    style, line = next(access_lines(plan, Choices().settle(plan.access)))
    assert style == "bold red" and line.startswith("SECRETS WERE NOT COMPARED")
    assert named(plan)["user/ann"].what == ("password: can't be told",) and len(plan.access) == 1


def test_a_veil_keeps_what_is_no_secret() -> None:
    veil, kind = Veil.new(), REGISTRY["user"]
    document: Document = {"id": "u", "passwords": password("a", 7)}
    shown = str(veil.over(kind, document)["passwords"])
    assert str(7 * DAY) in shown and "hash of a" not in shown
    assert veil.over(kind, document) == veil.over(kind, document)
    assert Veil(b"1" * 32).over(kind, document) != Veil(b"2" * 32).over(kind, document)


def test_choices_follow_ids_that_the_hub_takes_over() -> None:
    records = {("user", "h"): "hub", ("assignment", "UserProject/h/p/r/0"): "both"}
    found = at_the_hubs_ids(records, [Move("user", "h", "s", "ann")])
    assert found == {Ref("user", "s"): "hub", Ref("assignment", "UserProject/s/p/r/0"): "both"}
