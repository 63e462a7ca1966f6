"""What a visitor gets who wants to try for himself: ``clouds.yaml`` and a cheat sheet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from keystone_viaduct.demo.keystones import Keystone


def write_clouds(folder: Path, sites: Iterable[Keystone]) -> Path:
    """Write ``clouds.yaml``: a cloud per site (system scope), and ``<site>-project`` (the admin project)."""
    clouds: dict[str, object] = {}
    for site in sites:
        common = {
            "auth_url": site.url,
            "username": "admin",
            "password": site.spec.admin_password,
            "user_domain_id": "default",
        }
        project = {**common, "project_name": "admin", "project_domain_id": "default"}
        for name, auth in ((site.name, {**common, "system_scope": "all"}), (f"{site.name}-project", project)):
            clouds[name] = {
                "auth": auth,
                "region_name": site.name,
                "identity_endpoint_override": site.url,
            }
    path = folder / "clouds.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({"clouds": clouds}, sort_keys=False))
    return path


def cheat_sheet(clouds: Path, hub: str, spokes: list[str]) -> str:
    """Commands to try while the demo stays up."""
    first = spokes[0] if spokes else hub
    return f"""\
In another terminal (the openstack command comes with python-openstackclient):
  export OS_CLIENT_CONFIG_FILE={clouds}
  openstack --os-cloud {hub} user create --domain default --password secret you
  openstack --os-cloud {first} user show --domain default you
  openstack --os-cloud {first} user set --description 'seen at {first}' --domain default you
  openstack --os-cloud {hub} user show --domain default you
Here, one word a line:
  cut {first}      break its road to {hub}; it goes on serving
  heal {first}     mend it
  compare       compare all sites, field by field
  quit          (or Ctrl-C) end everything"""
