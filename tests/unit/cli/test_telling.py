"""What commands say of limited sites, of keys of a new hub, and of a site that is retired."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from keystone_viaduct.cli import _checks, keys, retire
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.health.finding import Finding, Verdict
from keystone_viaduct.sync.keyset.model import FleetKeys
from keystone_viaduct.sync.model import Retired
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.wire.keys import held_from_json

NOW = 10**15
DIGEST, KEY = "d" * 32, "a" * 32


def fleet(**more: Any) -> FleetKeys:
    return FleetKeys(1, "d", frozenset("ab"), ("east", "west"), {"east": NOW}, False, 0, {}, **more)


def test_the_list_of_keys_names_limited_sites_and_says_nothing_of_before_this_hub(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys._print(Terminal(), {"tokens": fleet(limited=("south",))})
    out, err = capsys.readouterr()
    assert "not rotated by this hub yet" in out
    assert any(line.split()[0] == "south" and "keys of its own" in line for line in out.splitlines() if line)
    assert "west" in err and "south" not in err, "a limited site holds no rotation up"


@pytest.mark.parametrize("more", [{}, {"limited": ["south"]}])
def test_a_hub_of_an_earlier_release_names_no_limited_sites(more: dict[str, Any]) -> None:
    told = {
        "generation": 2,
        "digest": DIGEST,
        "staged": KEY,
        "primary": KEY,
        "others": {},
        "wanted": False,
        "promoted_at": 0,
        "confirmed": {},
        "sites": ["east"],
        **more,
    }
    state = {"digest": DIGEST, "staged": KEY, "primary": KEY, "others": []}
    held = held_from_json({"repositories": {"tokens": {**state, "fleet": told}}})
    found = held["tokens"].fleet
    assert found is not None and found.limited == tuple(more.get("limited", ()))


def test_a_site_that_is_retired_was_last_heard_as_closely_as_is_known() -> None:
    heard, never = Retired("west", NOW, 0, 0), Retired("west", 0, 0, 0)
    assert retire._last(heard, answers=True) == "it still answers"
    assert retire._last(never, answers=False) == "it was never heard"
    assert retire._last(heard, answers=False).endswith("Z, or up to 15 minutes later")


@pytest.mark.parametrize(
    ("heard", "joined", "verdicts"),
    [
        ([NOW - 60_000_000], True, [Verdict.OK]),
        ([NOW - 7200_000_000, NOW - 60_000_000], True, [Verdict.OK]),
        ([NOW - 7200_000_000], True, [Verdict.WARNING]),
        ([0], True, [Verdict.WARNING]),
        ([0], False, []),
        ([], True, []),
    ],
)
def test_a_site_that_nobody_reads_any_more_is_told_so(
    monkeypatch: pytest.MonkeyPatch, heard: list[int], joined: bool, verdicts: list[Verdict]
) -> None:
    peers = {str(number): SimpleNamespace(heard=at) for number, at in enumerate(heard)}
    state = SimpleNamespace(fleet_secret=b"s" if joined else b"")
    tx = SimpleNamespace(known_state=lambda: state, peers=lambda: peers)
    store = SimpleNamespace(read=lambda work: work(tx))
    monkeypatch.setattr(_checks, "_store", lambda *_: store)
    monkeypatch.setattr(KeyRing, "load", lambda *_: None)
    site: Any = SimpleNamespace(settings=SimpleNamespace(viaduct_keys=""), now=NOW)
    found: list[Finding] = list(_checks.check_heard(site))
    assert [finding.verdict for finding in found] == verdicts
    for finding in found:
        if finding.verdict is Verdict.WARNING:
            assert "uninstall" in finding.hint and "keystone_viaduct.wsgi" in finding.hint
