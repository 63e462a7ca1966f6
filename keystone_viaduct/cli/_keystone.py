"""What commands need to know of Keystone's configuration, read without importing Keystone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oslo_config import cfg

from keystone_viaduct import config
from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.store.drivers import IDENTITY_OPTIONS, DriverSettings

DEFAULT_KEYS = "/etc/keystone/viaduct-keys/"
_OPTIONS: tuple[tuple[str, cfg.Opt], ...] = (
    ("database", cfg.StrOpt("connection", secret=True)),
    ("credential", cfg.StrOpt("key_repository", default="/etc/keystone/credential-keys/")),
    ("cache", cfg.BoolOpt("enabled", default=True)),  # Keystone's default, not oslo.cache's
    ("cache", cfg.StrOpt("backend", default="dogpile.cache.null")),
    ("viaduct", cfg.StrOpt("key_repository", default=DEFAULT_KEYS)),
    *IDENTITY_OPTIONS,
    *(("viaduct", option) for option in config.CAPTURE_OPTS),
    ("viaduct", config.SQLITE_FOREIGN_KEYS),
    *(("viaduct", option) for option in config.SQL_OPTS if option.dest in config.OF_SESSIONS),
    ("viaduct", cfg.StrOpt("counters_folder")),
    ("viaduct", cfg.FloatOpt("refuse_after", default=0.0)),
)


@dataclass(frozen=True)
class KeystoneSettings:
    """The options that matter here, read once."""

    connection: str
    credential_keys: Path
    viaduct_keys: Path
    cache_enabled: bool
    cache_backend: str
    files: tuple[str, ...]
    capture: str = "auto"
    counters_folder: Path | None = None
    refuse_after: float = 0.0
    sqlite_foreign_keys: bool = True
    drivers: DriverSettings = field(default_factory=DriverSettings)
    session_options: tuple[str, ...] = ()


def settings_of(args: Arguments) -> KeystoneSettings:
    """The settings for parsed arguments. Raises ConfigError."""
    return read_settings(args.config_file or [], args.config_dir or [], os.environ)


def read_settings(
    files: Sequence[str], folders: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> KeystoneSettings:
    """Read configuration files as Keystone would. Raises ConfigError."""
    conf = cfg.ConfigOpts()
    for group, option in _OPTIONS:
        conf.register_opt(option, group=group)
    parse(conf, files, folders, env or {})
    if not conf.database.connection:
        named = ", ".join(conf.config_file or []) or "no file found"
        raise ConfigError(
            f"[database] connection is not set ({named})",
            hint="name Keystone's configuration by --config-file or OS_KEYSTONE_CONFIG_FILES",
        )
    return KeystoneSettings(
        connection=conf.database.connection,
        credential_keys=Path(conf.credential.key_repository),
        viaduct_keys=Path(conf.viaduct.key_repository),
        cache_enabled=conf.cache.enabled,
        cache_backend=conf.cache.backend,
        files=tuple(conf.config_file or ()),
        capture=conf.viaduct.capture,
        counters_folder=Path(conf.viaduct.counters_folder) if conf.viaduct.counters_folder else None,
        refuse_after=conf.viaduct.refuse_after,
        sqlite_foreign_keys=conf.viaduct.sqlite_foreign_keys,
        drivers=DriverSettings.of(conf),
        session_options=tuple(name for name in config.OF_SESSIONS if conf.viaduct[name] is not None),
    )


def parse(conf: cfg.ConfigOpts, files: Sequence[str], folders: Sequence[str], env: Mapping[str, str]) -> None:
    """Have ``conf`` read its files as Keystone would. Raises ConfigError."""
    chosen = list(files) or ([] if folders else _files_of(env))
    try:
        conf(
            args=[part for folder in folders for part in ("--config-dir", folder)],
            project="keystone",
            default_config_files=chosen or None,
        )
    except (cfg.Error, OSError) as error:
        raise ConfigError(
            f"Keystone's configuration can't be read: {error}", hint="name it by --config-file"
        ) from error


def _files_of(env: Mapping[str, str]) -> list[str]:
    """As ``keystone.server.flask.core`` reads the environment."""
    folder = env.get("OS_KEYSTONE_CONFIG_DIR", "").strip()
    names = [name.strip() for name in env.get("OS_KEYSTONE_CONFIG_FILES", "").split(";") if name.strip()]
    if folder and not names:
        names = ["keystone.conf"]
    return [os.path.join(folder, name) for name in names] if folder else names


def not_importable(error: ModuleNotFoundError) -> ConfigError:
    """For what needs Keystone's own code."""
    return ConfigError(
        f"Keystone can't be imported: {error}",
        hint="run `viaduct` of the environment that Keystone is installed in",
    )
