"""Where is a record, is it the same everywhere, and what has happened to it?

Every site is asked for the record and for what waits there of it, the hub for the decisions that concern it.
Nothing of what it holds is shown but the names of fields. A name is looked for at every site; where several
records have it, they are listed, and one has to be named by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _fleet
from keystone_viaduct.cli._options import FLEET, OUTPUT, Arguments, argument
from keystone_viaduct.cli._terminal import Terminal, moment
from keystone_viaduct.errors import NotThere, ViaductError
from keystone_viaduct.health.view import waiting_as_dict
from keystone_viaduct.sync.model import Ref

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite

HELP = "a record's history across the sites"
SECTION = "fleet"
EXAMPLES = ("viaduct trace user anna", "viaduct trace project 0c1dd1f0a3b24bd4 --format yaml")
EXIT_CODES = {
    0: "it is the same at every site that answers",
    1: "it is not, or waits somewhere, or is nowhere",
}
ERROR_EXIT_CODE = 2
PARAMS = (
    argument("kind", metavar="KIND", help="such as user, project, role (`viaduct kinds`)"),
    argument("record", metavar="ID|NAME", help="its id, or what it is called"),
    *OUTPUT,
    FLEET,
)
#: Sites that are asked side by side, and conflicts that are shown.
AT_ONCE, LISTED = 16, 20


def run(args: Arguments, terminal: Terminal) -> int:
    """Ask all sites at once."""
    from keystone_viaduct.kinds.registry import get

    kind = get(args.kind).name
    sites = _fleet.open_sites(args)
    hub = _fleet.open_hub(args).name
    refs = _found(sites, kind, args.record)
    if len(refs) > 1:
        return _several(terminal, refs, args.record)
    ref = next(iter(refs), Ref(kind, args.record))
    told = _each(sites, lambda site: _at(site, ref))
    listed = _quietly(lambda: sites[hub].conflicts(LISTED, kind=ref.kind, key=ref.key)) or []
    report = {"kind": ref.kind, "key": ref.key, "hub": hub, "sites": told, "conflicts": listed}
    digests = {at["digest"] for at in told.values() if at["state"] == "there"}
    answered = [at for at in told.values() if at["state"] != "no answer"]
    same = len(digests) <= 1 and len({at["state"] for at in answered}) <= 1
    waits = any(at["waiting"] for at in answered)
    nowhere = all(at["state"] == "unknown" for at in answered)
    report["same"] = same and bool(answered)
    terminal.data(report)
    _show(terminal, report)
    return 0 if report["same"] and not waits and not nowhere else 1


def _found(sites: Mapping[str, HttpSite], kind: str, text: str) -> dict[Ref, list[str]]:
    """The records that are meant, and the sites that have them: by id where any knows that, else by name."""
    ref = Ref(kind, text)
    known = [name for name, at in _each(sites, lambda site: _at(site, ref)).items() if "digest" in at]
    if known:
        return {ref: known}
    refs: dict[Ref, list[str]] = {}
    for name, found in _each(sites, lambda site: _quietly(lambda: site.named(text, kind)) or []).items():
        for one in found:
            refs.setdefault(one, []).append(name)
    return refs


def _several(terminal: Terminal, refs: Mapping[Ref, list[str]], text: str) -> int:
    terminal.data({"records": [{"kind": r.kind, "key": r.key, "sites": names} for r, names in refs.items()]})
    terminal.say(f"{len(refs)} records are called {text}: name one by its id")
    terminal.table("", ["id", "sites"], [[ref.key, ", ".join(names)] for ref, names in refs.items()])
    return 1


def _each(sites: Mapping[str, HttpSite], ask: Callable[[HttpSite], Any]) -> dict[str, Any]:
    with ThreadPoolExecutor(max(1, min(len(sites), AT_ONCE)), "trace") as pool:
        return dict(zip(sites, pool.map(ask, sites.values()), strict=True))


def _at(site: HttpSite, ref: Ref) -> dict[str, Any]:
    """What one site says of it."""
    try:
        found = site.record(ref)
    except NotThere:
        return {"state": "unknown", "waiting": _waiting(site, ref)}
    except ViaductError as error:
        return {"state": "no answer", "error": error.message, "waiting": []}
    stamps = {name: stamp for name, stamp in found["stamps"].items() if isinstance(stamp, int)}
    return {
        "state": "deleted" if found["deleted"] else "there",
        "digest": found["digest"],
        "position": found["seq"],
        "version": found["version"],
        "stamps": stamps,
        "waiting": _waiting(site, ref),
    }


def _waiting(site: HttpSite, ref: Ref) -> list[dict[str, Any]]:
    found = _quietly(site.waiting)
    return [] if found is None else [waiting_as_dict(item) for item in found[1] if item.ref == ref]


def _quietly(ask: Callable[[], Any]) -> Any:
    """What a site says; None where it can't be asked, or is of an older release."""
    try:
        return ask()
    except ViaductError:
        return None


def _show(terminal: Terminal, report: Mapping[str, Any]) -> None:
    sites = report["sites"]
    verdict = "the same at every site that answers" if report["same"] else "NOT the same everywhere"
    terminal.say(f"{report['kind']}/{report['key']}: {verdict}")
    rows = [
        [
            f"{name} (hub)" if name == report["hub"] else name,
            at["state"],
            at.get("digest", "")[:12],
            str(at.get("position", "")),
            at.get("error", "") or ", ".join(f"{w['state']} ({w['reason']})" for w in at["waiting"]),
        ]
        for name, at in sites.items()
    ]
    terminal.table("", ["site", "state", "digest", "position", "waits"], rows)
    terminal.table("Changes, the latest first", ["when", "fields", "known at"], _history(sites))
    rows = [[c["id"], moment(c["at"]), c["sort"], c["site"], c["explanation"]] for c in report["conflicts"]]
    if rows:
        terminal.table("Decisions", ["id", "when", "sort", "lost by", "why"], rows)


def _history(sites: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """When which fields were last changed, and which sites have that."""
    moments: dict[tuple[int, str], list[str]] = {}
    for name, at in sites.items():
        for field, stamp in at.get("stamps", {}).items():
            moments.setdefault((stamp, field), []).append(name)
    grouped: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for (stamp, field), names in moments.items():
        grouped.setdefault((stamp, tuple(names)), []).append(field)
    order = sorted(grouped.items(), key=lambda item: -item[0][0])
    return [[moment(stamp), ", ".join(sorted(fields)), ", ".join(names)] for (stamp, names), fields in order]
