"""When keys are promoted, retired and pruned."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from keystone_viaduct.sync.keyset.advance import Confirmation, Step, advance, blocking
from keystone_viaduct.sync.keyset.model import Keyset, fingerprint, from_slots, new_key, with_imported

SITES = ("hub", "west", "south")
LIFETIME = 100


def confirmed(keyset: Keyset, *sites: str) -> dict[str, Confirmation]:
    """These sites hold just that."""
    return {site: Confirmation(keyset.state.digest, 1) for site in sites}


def first() -> Keyset:
    """As `fernet_setup` makes it."""
    return from_slots({0: new_key(), 1: new_key()})


def test_a_rotation_waits_for_a_site_that_is_away_and_names_it() -> None:
    keyset = replace(first(), wanted=True)
    verdict = advance(keyset, SITES, confirmed(keyset, "hub", "west"), now=5, lifetime=LIFETIME)
    assert (verdict.step, verdict.missing, verdict.keyset) == (Step.WAITING, ("south",), keyset)


def test_a_confirmation_of_an_older_generation_counts_for_nothing() -> None:
    keyset = first()
    later = with_imported(keyset, [new_key()])
    assert blocking(later, SITES, confirmed(keyset, *SITES)) == tuple(sorted(SITES))


def test_what_is_promoted_is_what_every_site_had() -> None:
    keyset = replace(first(), wanted=True)
    verdict = advance(keyset, SITES, confirmed(keyset, *SITES), now=5, lifetime=LIFETIME)
    assert verdict.step is Step.PROMOTED
    assert verdict.keyset.primary == keyset.staged
    assert keyset.primary in verdict.keyset.keys
    assert not verdict.keyset.wanted
    assert verdict.keyset.promoted_at == 5


def test_a_key_is_pruned_a_token_life_after_the_last_site_stopped_using_it() -> None:
    keyset = replace(first(), wanted=True)
    old = keyset.primary
    keyset = advance(keyset, SITES, confirmed(keyset, *SITES), now=5, lifetime=LIFETIME).keyset
    away = advance(keyset, SITES, confirmed(keyset, "hub", "west"), now=500, lifetime=LIFETIME)
    assert away.step is Step.WAITING
    retired = advance(keyset, SITES, confirmed(keyset, *SITES), now=600, lifetime=LIFETIME)
    assert retired.step is Step.RETIRED
    early = advance(retired.keyset, SITES, confirmed(keyset, *SITES), now=699, lifetime=LIFETIME)
    assert early.step is Step.NOTHING
    due = advance(retired.keyset, SITES, confirmed(keyset, *SITES), now=700, lifetime=LIFETIME)
    assert due.step is Step.PRUNED
    assert old not in due.keyset.keys


def test_keys_are_rotated_by_the_calendar() -> None:
    keyset = replace(first(), promoted_at=1000)
    ready = confirmed(keyset, *SITES)
    assert advance(keyset, SITES, ready, now=1999, lifetime=1, interval=1000).step is Step.NOTHING
    assert advance(keyset, SITES, ready, now=2000, lifetime=1, interval=1000).step is Step.PROMOTED


class Fleet(RuleBasedStateMachine):
    """Sites take the hub's keys whenever they are reached; tokens live for ``LIFETIME``."""

    @initialize()
    def begin(self) -> None:
        self.now = 1
        self.keyset = first()
        self.held = dict.fromkeys(SITES, self.keyset)
        self.confirmed: dict[str, Confirmation] = {}
        self.tokens: list[tuple[str, int]] = []

    @rule(site=st.sampled_from(SITES))
    def carry(self, site: str) -> None:
        """The agent reaches a site."""
        self.held[site] = self.keyset
        self.confirmed[site] = Confirmation(self.keyset.state.digest, self.now)

    @rule(site=st.sampled_from(SITES))
    def carry_and_die(self, site: str) -> None:
        """The agent dies before it reports."""
        self.held[site] = self.keyset

    @rule(wanted=st.booleans(), wait=st.integers(1, 60))
    def step(self, wanted: bool, wait: int) -> None:
        self.now += wait
        keyset = replace(self.keyset, wanted=self.keyset.wanted or wanted)
        self.keyset = advance(keyset, SITES, self.confirmed, now=self.now, lifetime=LIFETIME).keyset

    @rule(site=st.sampled_from(SITES))
    def issue(self, site: str) -> None:
        self.tokens.append((fingerprint(self.held[site].primary), self.now + LIFETIME))

    @invariant()
    def every_living_token_is_valid_everywhere(self) -> None:
        for key, until in self.tokens:
            for site in SITES:
                assert until < self.now or key in self.held[site].state.all, site


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
