"""The story that the demo tells: what an operator would try first, then every kind of record, then a cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from keystone_viaduct.demo.scenario.everything import FAMILIES, Family
from keystone_viaduct.demo.scenario.place import Api, Place
from keystone_viaduct.demo.scenario.probes import arrived, token_refused
from keystone_viaduct.demo.scenario.step import Look, Stage, Step
from keystone_viaduct.demo.wan import Cut

FIRST = "correct-horse"
SECOND = "battery-staple"


def story(hub: str, near: str, far: str) -> list[Step]:
    """All steps for a hub and two spokes; ``near`` is the one that will be cut off."""
    turns = zip(FAMILIES, _turns(hub, near, far), strict=True)
    chapters = {
        "One set of identities": _first_steps(hub, near, far),
        "Every kind of record, made at one site and seen at the others": [
            _family_step(family, site) for family, site in turns
        ],
        f"{near.capitalize()} is cut off": _cut_off(hub, near, far),
        "Healed": _healed(hub, near, far),
    }
    return [replace(step, chapter=chapter) for chapter, steps in chapters.items() for step in steps]


def _first_steps(hub: str, near: str, far: str) -> list[Step]:
    return [
        Step("A project is made at the hub", hub, _project, _has("project", "/projects/{}")),
        Step("A user with a password is made at the hub", hub, _user, _has("user", "/users/{}")),
        Step("A group with that user is made at the hub", hub, _group, _has("group", "/groups/{}")),
        Step("The group gets a role on the project, at the hub", hub, _grant, _granted),
        Step(f"The user logs in at {near} with the hub's password", near, _log_in, _can_log_in(FIRST)),
        Step(
            f"An application credential made at {far} works at {near}",
            far,
            _application_credential,
            _app_cred_works,
        ),
        Step(
            f"A token from {far}, valid at {near} and {hub} too, is revoked",
            far,
            _revoke_token,
            _token_is_dead,
        ),
        # Last: a token of the very second of the change counts as older than it (Keystone's whole seconds).
        Step(f"The user changes the password at {near}", near, _change_password, _can_log_in(SECOND)),
    ]


def _cut_off(hub: str, near: str, far: str) -> list[Step]:
    there = f"{near}-side"
    return [
        Step(f"The road to {near} is cut", hub, _cut(near)),
        Step("A project is made at the hub meanwhile", hub, _named("hub-side"), _listed("hub-side"), (far,)),
        Step(f"A project is made at {near} meanwhile, which goes on serving", near, _busy(there)),
        Step("The group is deleted at the hub meanwhile", hub, _delete_group, _group_gone, (far,)),
        Step("The user is described at the hub", hub, _describe("as the hub says"), None),
        Step(f"The same user is described otherwise at {near}", near, _describe(f"as {near} says"), None),
    ]


def _healed(hub: str, near: str, far: str) -> list[Step]:
    there = f"{near}-side"
    steps = [
        Step(
            f"The road is mended: what was made at the hub is at {near}",
            hub,
            _heal(near),
            _listed("hub-side"),
            (near,),
        ),
        Step(f"What was made at {near} is everywhere", near, _nothing, _listed(there)),
        Step("The deleted group stays deleted", hub, _settle, _group_gone, (hub, near, far)),
        Step("The two descriptions: one decision, explained", hub, _decided, _one_description, (near, far)),
    ]
    return [replace(step, timed=False) for step in steps]


def _turns(hub: str, near: str, far: str) -> list[str]:
    return [(hub, near, far)[number % 3] for number in range(len(FAMILIES))]


def _family_step(family: Family, site: str) -> Step:
    title = (family.__doc__ or family.__name__).split("\n")[0].rstrip(".")

    def act(stage: Stage, place: Place) -> None:
        before = set(stage.world.ids)
        family(place, stage.world)
        stage.facts[family.__name__] = set(stage.world.ids) - before

    def look(stage: Stage, place: Place) -> bool:
        return arrived(place, stage.world, family.__name__, stage.facts[family.__name__])

    return Step(
        f"{family.__name__.replace('_', ' ').capitalize()}: {title[0].lower()}{title[1:]}", site, act, look
    )


def _has(what: str, path: str) -> Look:
    def look(stage: Stage, place: Place) -> bool:
        return bool(place.admin.get(path.format(stage.facts[what])))

    return look


def _project(stage: Stage, place: Place) -> None:
    identity = place.admin.cloud.identity
    made = identity.create_project(name="arches", domain_id="default", description="spans the valley")
    stage.facts["project"] = made.id


def _user(stage: Stage, place: Place) -> None:
    identity = place.admin.cloud.identity
    made = identity.create_user(name="mason", domain_id="default", password=FIRST, email="mason@example.org")
    stage.facts["user"] = made.id


def _group(stage: Stage, place: Place) -> None:
    identity = place.admin.cloud.identity
    stage.facts["group"] = identity.create_group(name="builders", domain_id="default").id
    stage.facts["spare"] = identity.create_group(name="onlookers", domain_id="default").id
    identity.add_user_to_group(stage.facts["user"], stage.facts["group"])


def _grant(stage: Stage, place: Place) -> None:
    stage.facts["role"] = place.admin.cloud.identity.find_role("member").id
    place.admin.put(_grant_path(stage))


def _grant_path(stage: Stage) -> str:
    facts = stage.facts
    return f"/projects/{facts['project']}/groups/{facts['group']}/roles/{facts['role']}"


def _granted(stage: Stage, place: Place) -> bool:
    facts = stage.facts
    path = f"/role_assignments?group.id={facts['group']}&scope.project.id={facts['project']}"
    return bool(place.admin.get(path)["role_assignments"])


def _session(stage: Stage, place: Place, password: str) -> Api:
    return place.login(
        username="mason", user_domain_id="default", password=password, project_id=stage.facts["project"]
    )


def _log_in(stage: Stage, place: Place) -> None:
    _session(stage, place, FIRST).token  # noqa: B018


def _can_log_in(password: str) -> Look:
    def look(stage: Stage, place: Place) -> bool:
        return bool(_session(stage, place, password).token)

    return look


def _application_credential(stage: Stage, place: Place) -> None:
    user = _session(stage, place, FIRST)
    wish = {"name": "crane", "secret": "lifts-stones"}
    path = f"/users/{stage.facts['user']}/application_credentials"
    stage.facts["crane"] = user.post(path, application_credential=wish)["id"]


def _app_cred_works(stage: Stage, place: Place) -> bool:
    login = place.login(
        application_credential_id=stage.facts["crane"], application_credential_secret="lifts-stones"
    )
    return bool(login.token)


def _change_password(stage: Stage, place: Place) -> None:
    user = _session(stage, place, FIRST)
    change = {"original_password": FIRST, "password": SECOND}
    user.post(f"/users/{stage.facts['user']}/password", user=change)


def _revoke_token(stage: Stage, place: Place) -> str:
    token = stage.facts["token"] = _session(stage, place, FIRST).token
    refused = [name for name, other in stage.places.items() if token_refused(other, token)]
    if refused:
        raise LookupError(f"the token was not valid at {', '.join(sorted(refused))} to begin with")
    place.admin.delete("/auth/tokens", **{"X-Subject-Token": token})
    return f"was valid at {', '.join(sorted(stage.places))}"


def _token_is_dead(stage: Stage, place: Place) -> bool:
    return token_refused(place, stage.facts["token"])


def _cut(site: str) -> Callable[[Stage, Place], str]:
    def act(stage: Stage, _: Place) -> str:
        stage.roads[site].cut(Cut.SILENT)
        return "packets vanish, nobody is told"

    return act


def _heal(site: str) -> Callable[[Stage, Place], None]:
    def act(stage: Stage, _: Place) -> None:
        stage.roads[site].heal()

    return act


def _nothing(stage: Stage, place: Place) -> None:
    """Only look."""


def _named(name: str) -> Callable[[Stage, Place], None]:
    def act(_: Stage, place: Place) -> None:
        place.admin.cloud.identity.create_project(name=name, domain_id="default")

    return act


def _listed(name: str) -> Look:
    def look(_: Stage, place: Place) -> bool:
        return bool(place.admin.get(f"/projects?name={name}")["projects"])

    return look


def _busy(name: str) -> Callable[[Stage, Place], str]:
    """Write and log in at the site that is cut off, and tell how long it took."""

    def act(stage: Stage, place: Place) -> str:
        times = []
        for number in range(10):
            begun = time.monotonic()
            _session(stage, place, SECOND).token  # noqa: B018
            if number == 0:
                place.admin.cloud.identity.create_project(name=name, domain_id="default")
            times.append((time.monotonic() - begun) * 1000)
        return f"10 logins, the slowest took {max(times[1:]):.0f} ms"

    return act


def _delete_group(stage: Stage, place: Place) -> None:
    place.admin.cloud.identity.delete_group(stage.facts["spare"])


def _group_gone(stage: Stage, place: Place) -> bool:
    return not place.admin.get("/groups?name=onlookers")["groups"]


def _describe(text: str) -> Callable[[Stage, Place], None]:
    def act(stage: Stage, place: Place) -> None:
        place.admin.patch(f"/users/{stage.facts['user']}", user={"description": text})

    return act


def _settle(stage: Stage, place: Place) -> str:
    return "all quiet" if stage.fabric.settle(30.0) else "not yet quiet after 30 s"


def _decided(stage: Stage, place: Place) -> str:
    lines = stage.fabric.explain("user", stage.facts["user"])
    if not lines:
        raise LookupError("nothing is recorded about the conflict")
    return "; ".join(lines)


def _one_description(stage: Stage, place: Place) -> bool:
    path = f"/users/{stage.facts['user']}"
    here, hub = place.admin.get(path), stage.places[stage.hub].admin.get(path)
    return bool(here["user"].get("description") == hub["user"].get("description"))
