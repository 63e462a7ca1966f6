"""Runs inside a real Keystone, in a process of its own: fills a site, and tells what it serves, by names.

    python keystone_side.py KEYSTONE.CONF fill hub|spoke
    python keystone_side.py KEYSTONE.CONF picture

A picture has no ids: each is replaced by what its record is called. So re-keying must not change it.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
import warnings
from typing import Any

warnings.simplefilter("ignore")

import keystone.conf  # noqa: E402
from keystone.cmd import bootstrap  # noqa: E402
from keystone.common import driver_hints, fernet_utils, provider_api, sql  # noqa: E402
from keystone.identity.backends import resource_options  # noqa: E402
from keystone.server import backends  # noqa: E402

CONF = keystone.conf.CONF
APIS = provider_api.ProviderAPIs
PASSWORD = "a secret of "


def new_id() -> str:
    return uuid.uuid4().hex


def start(config: str) -> None:
    """Read the configuration and make keys."""
    keystone.conf.configure()
    sql.initialize()
    CONF(project="keystone", args=[], default_config_files=[config])
    logging.disable(logging.CRITICAL)
    for group in ("fernet_tokens", "fernet_receipts", "credential"):
        keys = fernet_utils.FernetUtils(CONF[group].key_repository, 3, group)
        keys.create_key_directory()
        if not keys.validate_key_repository() or not keys.load_keys():
            keys.initialize_key_repository()


def boot(region: str) -> dict[str, str]:
    """What ``keystone-manage bootstrap`` does; it loads the managers and drivers."""
    boots = bootstrap.Bootstrapper()
    boots.admin_username = boots.project_name = boots.admin_role_name = "admin"
    boots.admin_role_name, boots.service_name, boots.region_id = "admin", "keystone", region
    boots.admin_password = PASSWORD + "admin"
    boots.public_url = boots.internal_url = boots.admin_url = f"http://{region}/v3"
    boots.bootstrap()
    return {"user": boots.admin_user_id, "project": boots.project_id}


class Filler:
    """Makes records by Keystone's managers: ``common`` ones at every site, ``own`` ones at one."""

    def __init__(self, region: str) -> None:
        self.admin = boot(region)
        self.roles = {role["name"]: role["id"] for role in APIS.role_api.list_roles()}
        self.ids: dict[str, str] = {}

    def user(self, name: str, domain: str, **more: Any) -> str:
        found = APIS.identity_api.create_user(
            {"name": name, "domain_id": domain, "password": PASSWORD + name, "enabled": True, **more}
        )
        return str(found["id"])

    def role(self, name: str, domain: str | None = None) -> str:
        key = self.roles[name] = new_id()
        ref: dict[str, Any] = {"id": key, "name": name, "domain_id": domain, "options": {}}
        APIS.role_api.create_role(key, ref)
        return key

    def project(self, name: str, domain: str, parent: str | None = None, **more: Any) -> str:
        ref: dict[str, Any] = {
            "id": new_id(),
            "name": name,
            "domain_id": domain,
            "parent_id": parent or domain,
            "enabled": True,
            "is_domain": False,
            **more,
        }
        return str(APIS.resource_api.create_project(ref["id"], ref)["id"])

    def domain(self, name: str) -> str:
        ref = {"id": new_id(), "name": name, "enabled": True, "description": f"domain {name}"}
        return str(APIS.resource_api.create_domain(ref["id"], ref)["id"])

    def common(self) -> None:
        """The same things at every site, each with an id of its own."""
        ids = self.ids
        acme = ids["acme"] = self.domain("acme")
        top = ids["top"] = self.project("top", acme, tags=["blue", "green"])
        ids["dev"] = self.project("dev", acme, top, options={"immutable": False})
        ids["alice"] = self.user("alice", acme, default_project_id=ids["dev"], email="alice@example.org")
        ids["bob"] = self.user("bob", acme)
        ids["ops"] = APIS.identity_api.create_group({"name": "ops", "domain_id": acme})["id"]
        APIS.identity_api.add_user_to_group(ids["alice"], ids["ops"])
        self.role("auditor")
        self.role("deputy", acme)
        APIS.role_api.create_implied_role(self.roles["auditor"], self.roles["reader"])
        APIS.role_api.create_implied_role(self.roles["deputy"], self.roles["auditor"])
        grant = APIS.assignment_api.create_grant
        grant(self.roles["member"], user_id=ids["alice"], project_id=ids["dev"])
        grant(self.roles["auditor"], group_id=ids["ops"], domain_id=acme)
        self._catalog()
        self._federation()

    def _catalog(self) -> None:
        ids = self.ids
        APIS.catalog_api.create_region({"id": "shared", "description": "both"})
        ids["nova"], ids["nova_public"], ids["group"] = new_id(), new_id(), new_id()
        service = {"id": ids["nova"], "type": "compute", "name": "nova"}
        APIS.catalog_api.create_service(ids["nova"], service)
        endpoint = {
            "id": ids["nova_public"],
            "service_id": ids["nova"],
            "region_id": "shared",
            "interface": "public",
            "url": "http://nova/%(project_id)s",
            "enabled": True,
        }
        APIS.catalog_api.create_endpoint(ids["nova_public"], endpoint)
        filters = {"service_id": ids["nova"], "interface": "public"}
        group = {"id": ids["group"], "name": "compute", "filters": filters}
        APIS.catalog_api.create_endpoint_group(ids["group"], group)
        ids["policy"], ids["cores"], ids["limit"] = new_id(), new_id(), new_id()
        policy = {"id": ids["policy"], "type": "application/json", "blob": {"rule": "yes"}}
        APIS.policy_api.create_policy(ids["policy"], policy)
        cores = {
            "id": ids["cores"],
            "service_id": ids["nova"],
            "region_id": "shared",
            "resource_name": "cores",
            "default_limit": 10,
        }
        APIS.unified_limit_api.create_registered_limits([cores])
        limit = {
            "id": ids["limit"],
            "service_id": ids["nova"],
            "region_id": "shared",
            "resource_name": "cores",
            "resource_limit": 5,
            "project_id": ids["dev"],
            "domain_id": None,
        }
        APIS.unified_limit_api.create_limits([limit])

    def _federation(self) -> None:
        ids = self.ids
        idp = {"domain_id": ids["acme"], "enabled": True, "remote_ids": ["https://idp"], "description": None}
        APIS.federation_api.create_idp("idp", {**idp, "authorization_ttl": 60})
        local = [
            {"user": {"name": "{0}"}},
            {"group": {"id": ids["ops"]}},
            {"groups": "{1}", "domain": {"id": ids["acme"]}},
        ]
        rules = [{"local": local, "remote": [{"type": "NAME"}, {"type": "GROUPS"}]}]
        APIS.federation_api.create_mapping("mapping", {"rules": rules, "schema_version": "1.0"})
        APIS.federation_api.create_protocol("idp", "saml2", {"mapping_id": "mapping"})
        person = {"id": "frida@idp", "name": "frida", "domain": {"id": ids["acme"]}, "email": "frida@idp"}
        ids["frida"] = APIS.identity_api.shadow_federated_user("idp", "saml2", person, [ids["ops"]])["id"]

    def own(self) -> None:
        """What only the spoke has, all of it tied to records that will get other ids."""
        ids = self.ids
        ids["carol"] = self.user("carol", ids["acme"], options={"ignore_lockout_failure_attempts": True})
        ids["branch"] = self.domain("branch")
        ids["dave"] = self.user("dave", ids["branch"], default_project_id=ids["dev"])
        ids["west-only"] = self.project("west-only", ids["acme"], ids["dev"])
        grant = APIS.assignment_api.create_grant
        grant(self.roles["admin"], user_id=ids["carol"], project_id=ids["west-only"])
        grant(self.roles["auditor"], user_id=ids["alice"], domain_id=ids["acme"], inherited_to_projects=True)
        grant(self.roles["reader"], user_id=ids["bob"], project_id=ids["acme"])
        grant(self.roles["member"], group_id=ids["ops"], project_id=ids["top"])
        APIS.assignment_api.create_system_grant_for_user(ids["alice"], self.roles["reader"])
        APIS.assignment_api.create_system_grant_for_group(ids["ops"], self.roles["auditor"])
        self._delegations()
        self._oauth()
        catalog = APIS.catalog_api
        catalog.add_endpoint_to_project(ids["nova_public"], ids["dev"])
        catalog.add_endpoint_group_to_project(ids["group"], ids["dev"])
        attach = APIS.endpoint_policy_api.create_policy_association
        attach(ids["policy"], service_id=ids["nova"], region_id="shared")
        attach(ids["policy"], endpoint_id=ids["nova_public"])
        config = {"identity": {"list_limit": 7}, "ldap": {"url": "ldap://unused", "password": "hidden"}}
        APIS.domain_config_api.create_config(ids["acme"], config)
        APIS.domain_config_api.obtain_registration(ids["acme"], "sql")
        APIS.revoke_api.revoke_by_user(ids["bob"])

    def _delegations(self) -> None:
        ids = self.ids
        member = [{"id": self.roles["member"]}]
        rule = {"id": new_id(), "service": "compute", "path": "/v2.1/servers", "method": "GET"}
        ids["appcred"], ids["trust"], ids["retrust"] = new_id(), new_id(), new_id()
        APIS.application_credential_api.create_application_credential(
            {
                "id": ids["appcred"],
                "name": "ci",
                "secret": PASSWORD + "ci",
                "user_id": ids["alice"],
                "project_id": ids["dev"],
                "roles": member,
                "access_rules": [rule],
                "unrestricted": False,
            }
        )
        trust = {
            "trustor_user_id": ids["alice"],
            "trustee_user_id": ids["bob"],
            "project_id": ids["dev"],
            "impersonation": True,
            "expires_at": None,
            "allow_redelegation": True,
            "redelegation_count": 2,
        }
        made = APIS.trust_api.create_trust(ids["trust"], dict(trust), member)
        again = {**trust, "trustee_user_id": ids["carol"], "allow_redelegation": False, "roles": member}
        APIS.trust_api.create_trust(ids["retrust"], {**again, "redelegation_count": None}, member, made)
        for number, more in enumerate(({}, {"trust_id": ids["trust"]}, {"app_cred_id": ids["appcred"]})):
            blob = json.dumps({"access": f"access{number}", "secret": "s", **more})
            credential = {"id": f"{number:064x}", "user_id": ids["alice"], "project_id": ids["dev"]}
            APIS.credential_api.create_credential(
                credential["id"], {**credential, "type": "ec2", "blob": blob}
            )

    def _oauth(self) -> None:
        ids = self.ids
        oauth = APIS.oauth_api
        consumer = oauth.create_consumer({"id": new_id(), "description": "robot"})["id"]
        for verifier in ("first", "second"):
            token = oauth.create_request_token(consumer, ids["dev"], 3600)["id"]
            roles = [self.roles["member"], self.roles["auditor"]]
            oauth.authorize_request_token(token, ids["alice"], roles)
            if verifier == "first":
                oauth.create_access_token(token, 3600)


def raw() -> dict[str, list[dict[str, Any]]]:
    """All that the managers serve, with ids."""
    federation, catalog, limits = APIS.federation_api, APIS.catalog_api, APIS.unified_limit_api
    domains = APIS.resource_api.list_domains()
    projects = [p for d in domains for p in APIS.resource_api.list_projects_in_domain(d["id"])]
    roles = [r for d in (None, *(d["id"] for d in domains)) for r in _roles_of(d)]
    users = [u for d in domains for u in APIS.identity_api.list_users(d["id"])]
    groups = [g for d in domains for g in APIS.identity_api.list_groups(d["id"])]
    found = {
        "domain": domains,
        "project": [APIS.resource_api.get_project(p["id"]) for p in projects],
        "role": roles,
        "user": [APIS.identity_api.get_user(u["id"]) for u in users],
        "group": groups,
        "service": catalog.list_services(),
        "endpoint": catalog.list_endpoints(),
        "endpoint_group": catalog.list_endpoint_groups(driver_hints.Hints()),
        "policy": APIS.policy_api.list_policies(),
        "registered_limit": limits.list_registered_limits(),
        "limit": limits.list_limits(),
        "idp": federation.list_idps(),
        "protocol": federation.list_protocols("idp"),
        "mapping": federation.list_mappings(),
        "trust": APIS.trust_api.list_trusts(),
        "credential": APIS.credential_api.list_credentials(),
    }
    for trust in found["trust"]:
        trust["roles"] = APIS.trust_api.get_trust(trust["id"])["roles"]
    return found


def _roles_of(domain: str | None) -> list[dict[str, Any]]:
    hints = driver_hints.Hints()
    hints.add_filter("domain_id", domain)
    return list(APIS.role_api.list_roles(hints=hints))


def relations(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """Who may do what where, and what else ties records together."""
    projects, users = found["project"], found["user"]
    catalog, policies = APIS.catalog_api, APIS.endpoint_policy_api
    own = [APIS.application_credential_api.list_application_credentials(u["id"]) for u in users]
    return {
        "grants": APIS.assignment_api.list_role_assignments(),
        "effective": APIS.assignment_api.list_role_assignments(effective=True),
        "implied": [r for role in found["role"] for r in APIS.role_api.list_implied_roles(role["id"])],
        "members": [
            [g["id"], sorted(u["id"] for u in APIS.identity_api.list_users_in_group(g["id"]))]
            for g in found["group"]
        ],
        "app creds": [cred for creds in own for cred in creds],
        "rules": [
            r for u in users for r in APIS.application_credential_api.list_access_rules_for_user(u["id"])
        ],
        "filtered": [[p["id"], catalog.list_endpoints_for_project(p["id"])] for p in projects if _visible(p)],
        "catalog": [[p["id"], catalog.get_v3_catalog(users[0]["id"], p["id"])] for p in projects],
        "policies": [[p["id"], policies.list_endpoints_for_policy(p["id"])] for p in found["policy"]],
        "consumers": APIS.oauth_api.list_consumers(),
        "access tokens": [
            {**token, "role_ids": json.loads(token["role_ids"])}
            for user in users
            for token in APIS.oauth_api.list_access_tokens(user["id"])
        ],
        "config": [
            [d["id"], APIS.domain_config_api.get_config_with_sensitive_info(d["id"])] for d in found["domain"]
        ],
    }


def _visible(project: dict[str, Any]) -> bool:
    return bool(project["enabled"])


def logins(found: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Who can log in by the password that was set before."""
    results = {}
    for user in found["user"]:
        try:
            APIS.identity_api.driver.authenticate(user["id"], PASSWORD + user["name"])
            results[user["name"]] = "yes"
        except (AssertionError, AttributeError) as error:  # a wrong password; no password at all
            results[user["name"]] = repr(error)
    for user in found["user"]:
        for cred in APIS.application_credential_api.list_application_credentials(user["id"]):
            APIS.application_credential_api.authenticate(cred["id"], PASSWORD + cred["name"])
            results[f"{user['name']}: {cred['name']}"] = "yes"
    return results


def named(value: Any, names: dict[str, str]) -> Any:
    """A copy in which ids are replaced by names, also inside texts."""
    if isinstance(value, dict):
        return {
            names.get(k, k): named(v, names) for k, v in value.items() if k not in ("links", "last_active_at")
        }
    if isinstance(value, (list, tuple, set)):
        parts = [named(item, names) for item in value]
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True, default=str))
    if isinstance(value, str):
        for key, name in names.items():
            value = value.replace(key, name) if len(key) >= 32 else (name if value == key else value)
    return value


def picture() -> dict[str, Any]:
    """What is served, by names; ``ids`` tells them."""
    found = raw()
    names: dict[str, str] = {}
    for kind in ("domain", "project", "role", "user", "group", "service", "endpoint_group"):
        names.update({item["id"]: f"<{kind} {item['name']} {item.get('type', '')}>" for item in found[kind]})
    for item in found["endpoint"]:
        names[item["id"]] = f"<endpoint {item['interface']} {item['region_id']} {names[item['service_id']]}>"
    for kind in ("policy", "registered_limit", "limit"):
        for item in found[kind]:
            shown = {
                k: names.get(str(v), v) for k, v in item.items() if k not in ("id", "registered_limit_id")
            }
            names[item["id"]] = f"<{kind} {json.dumps(shown, sort_keys=True)}>"
    everything = {**found, **relations(found)}
    return {
        "ids": {name: key for key, name in names.items()},
        "served": json.loads(json.dumps(named(everything, names), default=str)),
        "logins": logins(found),
    }


def main() -> None:
    """See the module."""
    _, config, command, *rest = sys.argv
    resource_options.register_user_options()
    start(config)
    if command == "fill":
        filler = Filler("east" if rest[0] == "hub" else "west")
        filler.common()
        if rest[0] == "spoke":
            filler.own()
        print(json.dumps({"ids": filler.ids, "admin": filler.admin, "roles": filler.roles}))
    else:
        backends.load_backends()
        print(json.dumps(picture(), sort_keys=True))


if __name__ == "__main__":
    main()
