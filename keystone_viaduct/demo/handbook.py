"""What a visitor gets who wants to try for himself: ``clouds.yaml`` and a cheat sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystone

#: So that a cut and a healing are noticed while one watches; the defaults are for sites far apart.
AGENT: Mapping[str, object] = {
    "poll": 1,
    "lease": 10,
    "connect_timeout": 2,
    "timeout": 10,
    "first_backoff": 0.2,
    "longest_backoff": 1,
}


def write_topology(
    path: Path,
    hub: str,
    sites: Sequence[str],
    clouds: Path,
    port: int,
    settings: Mapping[str, object] = AGENT,
) -> None:
    """Write ``viaduct.yaml`` for the agent, which listens on ``port`` and has these ``settings``."""
    topology = {
        "hub": hub,
        "clouds": str(clouds),
        "sites": {name: name for name in sites},
        "agent": {"listen": f"127.0.0.1:{port}", **settings},
    }
    path.write_text(yaml.safe_dump(topology, sort_keys=False))


def write_clouds(path: Path, sites: Iterable[Keystone], urls: Mapping[str, str] | None = None) -> Path:
    """Write ``clouds.yaml``: a cloud per site (system scope), and ``<site>-project`` (the admin project).

    ``urls``: another way to a site than straight to its door. Returns ``path``.
    """
    clouds: dict[str, object] = {}
    for site in sites:
        url = (urls or {}).get(site.name, site.url)
        common = {
            "auth_url": url,
            "username": "admin",
            "password": site.spec.admin_password,
            "user_domain_id": "default",
        }
        project = {**common, "project_name": "admin", "project_domain_id": "default"}
        for name, auth in ((site.name, {**common, "system_scope": "all"}), (f"{site.name}-project", project)):
            clouds[name] = {
                "auth_type": "v3password",
                "auth": auth,
                "region_name": site.name,
                "identity_endpoint_override": url,
            }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({"clouds": clouds}, sort_keys=False))
    return path


def cheat_sheet(
    folder: Path, hub: str, spokes: Sequence[str], agent_url: str = "", dashboard: str = ""
) -> str:
    """Commands to try while the demo stays up, whose sites live in ``folder``. Console markup."""
    near, far = spokes[0], spokes[-1]
    agent = f"\n  curl -s {agent_url}/status" if agent_url else ""
    look = ""
    if dashboard:
        look = (
            f"In a browser: [bold]{dashboard}[/]\n  log in as [bold]admin[/] with the password "
            f"[bold]{ADMIN_PASSWORD}[/] to resolve conflicts, to search, to cut and heal\n"
        )
    return f"""\
{look}In another terminal, with the openstack command of this environment:
  [bold]export OS_CLIENT_CONFIG_FILE={folder / "clouds.yaml"}[/]
  openstack --os-cloud {hub} user create --domain default --password secret you
  openstack --os-cloud {far} user show --domain default you
  openstack --os-cloud {far} user set --description 'seen at {far}' --domain default you
  openstack --os-cloud {hub} user show --domain default you
  openstack --os-cloud {near} user delete --domain default you
Look behind the scenes:
  viaduct status --config-file {folder / near / "keystone.conf"}{agent}
Here, one line each:
  [bold]cut {near}[/]      break its road to {hub}; both go on serving
  [bold]heal {near}[/]     mend it
  [bold]compare[/]       compare all sites, field by field
  [bold]quit[/]          (or Ctrl-C) end everything"""
