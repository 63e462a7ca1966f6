"""Makes, by Keystone's own managers and drivers, what no API of Keystone makes. Run in a site's environment.

Each line of standard input is ``{"nonlocal_user": {...}, ...}``: arguments of the functions below. It is
answered by a line with what they returned. Ends with its input. Imports nothing but Keystone.
"""

from __future__ import annotations

import json
import sys
import uuid
from datetime import datetime, timedelta
from typing import Any

import keystone.server
from keystone.common import provider_api
from keystone.models import revoke_model
from keystone.server import backends
from keystone.server.flask import core
from oslo_utils import timeutils

PROVIDERS = provider_api.ProviderAPIs


def nonlocal_user(domain_id: str, name: str) -> Any:
    """What the first login through LDAP leaves behind."""
    user = {"id": uuid.uuid4().hex, "domain_id": domain_id, "name": name}
    return PROVIDERS.shadow_users_api.create_nonlocal_user(user)["id"]


def id_mapping(domain_id: str, local_id: str, entity_type: str) -> Any:
    """What listing the users of an LDAP domain leaves behind."""
    entity = {"domain_id": domain_id, "local_id": local_id, "entity_type": entity_type}
    return PROVIDERS.id_mapping_api.create_id_mapping(entity)


def system_application_credential(user_id: str, name: str, role_id: str) -> Any:
    """An application credential for the system: there is a column for it, but no API yet."""
    made = {
        "id": uuid.uuid4().hex,
        "name": name,
        "user_id": user_id,
        "secret": uuid.uuid4().hex,
        "system": "all",
        "unrestricted": False,
    }
    return PROVIDERS.application_credential_api.driver.create_application_credential(made, [{"id": role_id}])[
        "id"
    ]


def endpoint(service_id: str, url: str) -> Any:
    """An endpoint that remembers the id it had in the version 2 API."""
    made = {
        "id": uuid.uuid4().hex,
        "service_id": service_id,
        "url": url,
        "interface": "admin",
        "enabled": True,
        "legacy_endpoint_id": uuid.uuid4().hex,
    }
    return PROVIDERS.catalog_api.create_endpoint(made["id"], made)["id"]


def revocation_event(**ids: str) -> Any:
    """Revocation events with columns that today's managers leave empty; ``ids`` are column values.

    Two, as an event that has both a domain and an expiry would be stored without the domain.
    """
    now: datetime = timeutils.utcnow().replace(microsecond=0)
    expiring = {"expires_at": now + timedelta(hours=1), "audit_id": "ZXhwaXJpbmc"}
    for columns in (ids, expiring):
        PROVIDERS.revoke_api.revoke(revoke_model.RevokeEvent(**columns))
    return ids


MAKERS = (nonlocal_user, id_mapping, system_application_credential, endpoint, revocation_event)


def main() -> None:
    """Load Keystone's backends as its WSGI entry does, then do what each line of standard input says."""
    del sys.argv[1:]
    keystone.server.configure(config_files=core._get_config_files())
    backends.load_backends()
    for line in sys.stdin:
        wishes = json.loads(line)
        made = {
            maker.__name__: maker(**wishes[maker.__name__]) for maker in MAKERS if maker.__name__ in wishes
        }
        print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
