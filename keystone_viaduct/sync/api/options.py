"""The ``[viaduct]`` options of the synchronisation API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from keystone_viaduct.sync.api import admission
from keystone_viaduct.sync.api.keys import KeySettings
from keystone_viaduct.sync.keyset.jws import JwsRepository
from keystone_viaduct.sync.keyset.repository import REPOSITORIES, KeyRepository

GROUP = "viaduct"
MICROSECONDS = 1_000_000

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
    cfg.FloatOpt(
        "key_rotation_interval",
        default=0.0,
        min=0.0,
        help="At the hub: seconds after which the Fernet keys of the fleet are rotated again. 0: only by "
        "`viaduct keys rotate`.",
    ),
    cfg.FloatOpt(
        "key_settle_time",
        default=1.0,
        min=0.02,
        help="Seconds between the steps in which a Fernet key repository is changed: more than any worker of "
        "Keystone takes to read it.",
    ),
    cfg.IntOpt(
        "mass_delete_count",
        default=50,
        min=0,
        help="Deletions that a sweep finds (rows that are gone though no trigger saw it) wait for a person "
        "when more than so many records of a kind are gone. `viaduct sweep` shows and decides them.",
    ),
    cfg.FloatOpt(
        "mass_delete_share",
        default=0.2,
        min=0.0,
        max=1.0,
        help="They also wait when more than this share of a kind's records is gone, and at least three.",
    ),
    cfg.FloatOpt(
        "refuse_after",
        default=0.0,
        min=0.0,
        help="At a spoke: seconds without word from the hub after which this site issues and accepts no "
        "tokens any more (503) until the agent has caught up. It bounds for how long a revoked token can be "
        "used at a site that is cut off. Only the synchronisation API is served then, and logins for it (by "
        "password, scoped to the system). At least three times the agent's `poll` and `confirm` together. "
        "0: never.",
    ),
    cfg.IntOpt(
        "limited_changes_per_second",
        default=admission.RATE,
        min=0,
        help="At the hub: so many changes per second are applied of each spoke whose delegation is limited, "
        "by each worker process; ten seconds' worth may come at once. What is beyond is answered 429, and "
        "the agent brings it later. 0: no bound.",
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
    key_rotation_interval: float
    key_settle_time: float
    mass_delete_count: int
    mass_delete_share: float
    refuse_after: float
    limited_changes_per_second: int
    policies: dict[str, str]


def register(conf: Any) -> None:
    """Register the options on Keystone's ``CONF``; doing it twice is harmless."""
    conf.register_opts(SYNC_OPTS, group=GROUP)


def sync_settings(conf: Any) -> SyncSettings:
    """The options of a parsed ``conf``."""
    register(conf)
    return SyncSettings(**{option.dest: conf[GROUP][option.dest] for option in SYNC_OPTS})


def key_settings(conf: Any) -> KeySettings:
    """Where Keystone's key repositories are, and how long a token may be shown.

    Tokens and receipts share a folder by default; it is then one repository, named ``tokens``.
    """
    register(conf)
    folders: dict[str, KeyRepository] = {}
    for name, group in REPOSITORIES.items():
        found = KeyRepository(conf[group].key_repository, conf[GROUP].key_settle_time)
        if found.folder not in [known.folder for known in folders.values()]:
            folders[name] = found
    if conf.token.provider != "fernet":
        folders.pop("tokens", None)
    lifetime = max(conf.token.expiration + conf.token.allow_expired_window, conf.receipt.expiration)
    return KeySettings(
        folders, lifetime * MICROSECONDS, int(conf[GROUP].key_rotation_interval * MICROSECONDS)
    )


def jws_repository(conf: Any) -> JwsRepository | None:
    """Where Keystone's keys of JWS tokens are; None where it issues others."""
    if conf.token.provider != "jws":
        return None
    folders = conf.jwt_tokens
    return JwsRepository(folders.jws_public_key_repository, folders.jws_private_key_repository)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """For ``oslo-config-generator --namespace keystone_viaduct.sync``."""
    return [("viaduct", list(SYNC_OPTS))]
