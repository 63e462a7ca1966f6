"""The ``[viaduct]`` options of the synchronisation API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

GROUP = "viaduct"

SYNC_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "key_repository",
        default="/etc/keystone/viaduct-keys/",
        help="Folder of this site's exchange and storage keys, made by `viaduct init`.",
    ),
    cfg.URIOpt(
        "poke_url",
        schemes=["http", "https"],
        help="Where the agent listens for hints that this site has news. Without it the agent finds out "
        "when it asks next.",
    ),
    cfg.FloatOpt(
        "poke_timeout",
        default=1.0,
        min=0.05,
        help="Seconds after which a hint that got no answer is given up.",
    ),
    cfg.BoolOpt(
        "poke_carries_page",
        default=True,
        help="Let a hint carry the first small page of news, so that a change needs half a round trip.",
    ),
    cfg.BoolOpt(
        "notify_replicated",
        default=True,
        help="Send Keystone's notifications also for changes that came from another site, marked as "
        "replicated.",
    ),
    cfg.FloatOpt(
        "token_cache_time",
        default=60.0,
        min=0.0,
        help="Seconds for which a caller of the synchronisation API is remembered by its token. A revocation "
        "ends that at once, the loss of a role only after this time. 0 to validate each time.",
    ),
    cfg.DictOpt(
        "policies",
        default={},
        help="At the hub: who wins a conflict, per kind (hub, latest, hold or spoke:<site>), such as "
        "user:latest.",
    ),
]


@dataclass(frozen=True)
class SyncSettings:
    """The options, read once. Times in seconds."""

    key_repository: str
    poke_url: str | None
    poke_timeout: float
    poke_carries_page: bool
    notify_replicated: bool
    token_cache_time: float
    policies: dict[str, str]


def register(conf: Any) -> None:
    """Register the options on Keystone's ``CONF``; doing it twice is harmless."""
    conf.register_opts(SYNC_OPTS, group=GROUP)


def sync_settings(conf: Any) -> SyncSettings:
    """The options of a parsed ``conf``."""
    register(conf)
    return SyncSettings(**{option.dest: conf[GROUP][option.dest] for option in SYNC_OPTS})


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """For ``oslo-config-generator --namespace keystone_viaduct.sync``."""
    return [("viaduct", list(SYNC_OPTS))]
