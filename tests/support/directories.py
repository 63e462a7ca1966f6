"""Sites whose users live in a directory, in each way in which Keystone can be told so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.directory import Directory

Options = dict[str, dict[str, str]]


def default_domain(directory: Directory) -> Options:
    """``[identity] driver = ldap``: the default domain's ids are the directory's own, without mapping."""
    return {"identity": {"driver": "ldap"}, "ldap": dict(directory.keystone_options)}


def mapped(options: Options) -> Options:
    """The ids of the default domain are mapped, too: digests, as in every other domain."""
    return {**options, "identity_mapping": {"backward_compatible_ids": "false"}}


def from_database(options: Options) -> Options:
    """Domains have drivers of their own by ``domain_config``."""
    more = {"domain_specific_drivers_enabled": "true", "domain_configurations_from_database": "true"}
    return {**options, "identity": {**options.get("identity", {}), **more}}


def from_files(folder: Path, directories: Mapping[str, Directory]) -> Options:
    """Domains, by name, have drivers of their own by files."""
    folder.mkdir(parents=True)
    for name, directory in directories.items():
        ldap = "".join(f"{option} = {value}\n" for option, value in directory.keystone_options.items())
        (folder / f"keystone.{name}.conf").write_text(f"[identity]\ndriver = ldap\n[ldap]\n{ldap}")
    return {"identity": {"domain_specific_drivers_enabled": "true", "domain_config_dir": str(folder)}}


def domain_config(directory: Directory) -> dict[str, dict[str, str]]:
    """The body of ``PUT /v3/domains/{id}/config`` for the directory."""
    return {"identity": {"driver": "ldap"}, "ldap": dict(directory.keystone_options)}
