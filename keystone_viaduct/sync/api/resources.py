"""The table of the routes of ``/v3/OS-SYNC``."""

from __future__ import annotations

from typing import Any

from keystone.common import json_home
from keystone.server import flask as ks_flask

from keystone_viaduct.sync.api.routes.conflicts import (
    ConflictResource,
    ConflictsResource,
    MergesResource,
    ResolutionResource,
)
from keystone_viaduct.sync.api.routes.feed import (
    CapabilitiesResource,
    ChangesResource,
    CheckpointResource,
    ListingResource,
    ShownResource,
    SummaryResource,
)
from keystone_viaduct.sync.api.routes.keys import KeyRepositoryResource, KeysResource, PublicKeysResource
from keystone_viaduct.sync.api.routes.office import (
    AuditResource,
    CharterResource,
    HubResource,
    JoiningResource,
)
from keystone_viaduct.sync.api.routes.peers import (
    KeyProofsResource,
    LeaseResource,
    PeerResource,
    PeersResource,
    PokeKeyResource,
    SecretResource,
)
from keystone_viaduct.sync.api.routes.records import RecordResource, RecordsResource
from keystone_viaduct.sync.api.routes.upkeep import (
    HeldResource,
    MetricsResource,
    PurgeResource,
    SweepResource,
    WaitingResource,
)

#: Stands in each route, not in the class: Keystone takes off trailing slashes, so a prefix has no root of its
#: own.
PREFIX = "/OS-SYNC"
_RELATION = "https://docs.openstack.org/api/openstack-identity/3/ext/OS-SYNC/1.0/rel/"
_PARAMETER = "https://docs.openstack.org/api/openstack-identity/3/ext/OS-SYNC/1.0/param/"


def _relation(resource_name: str) -> str:
    return _RELATION + resource_name


def _route(resource: Any, url: str, rel: str, *variables: str) -> Any:
    return ks_flask.construct_resource_map(
        resource=resource,
        url=f"{PREFIX}{url}",
        resource_kwargs={},
        rel=rel,
        status=json_home.Status.EXPERIMENTAL,
        path_vars={name: _PARAMETER + name for name in variables},
        resource_relation_func=_relation,
    )


class SyncAPI(ks_flask.APIBase):  # type: ignore[misc]
    """What Keystone is given: all routes under ``/v3/OS-SYNC``."""

    _name = "OS-SYNC"
    _import_name = __name__
    resources: list[Any] = []
    resource_mapping = [
        _route(CapabilitiesResource, "", "capabilities"),
        _route(ChangesResource, "/changes", "changes"),
        _route(RecordsResource, "/records", "records"),
        _route(RecordResource, "/records/<string:kind>/<string:key>", "record", "kind", "key"),
        _route(CheckpointResource, "/checkpoints/<string:site>", "checkpoint", "site"),
        _route(SummaryResource, "/summary", "summary"),
        _route(ListingResource, "/listing", "listing"),
        _route(ShownResource, "/shown", "shown"),
        _route(PurgeResource, "/purge", "purge"),
        _route(SweepResource, "/sweep", "sweep"),
        _route(HeldResource, "/sweep/held", "held"),
        _route(WaitingResource, "/waiting", "waiting"),
        _route(MetricsResource, "/metrics", "metrics"),
        _route(PeersResource, "/peers", "peers"),
        _route(PeerResource, "/peers/<string:site>", "peer", "site"),
        _route(LeaseResource, "/lease", "lease"),
        _route(ConflictsResource, "/conflicts", "conflicts"),
        _route(ConflictResource, "/conflicts/<string:conflict_id>", "conflict", "conflict_id"),
        _route(
            ResolutionResource,
            "/conflicts/<string:conflict_id>/resolution",
            "conflict_resolution",
            "conflict_id",
        ),
        _route(MergesResource, "/merges", "merges"),
        _route(JoiningResource, "/joining/<string:site>", "joining", "site"),
        _route(HubResource, "/hub", "hub"),
        _route(CharterResource, "/charter", "charter"),
        _route(KeysResource, "/keys", "keys"),
        _route(KeyRepositoryResource, "/keys/<string:repository>", "key_repository", "repository"),
        _route(PublicKeysResource, "/public-keys", "public_keys"),
        _route(AuditResource, "/audit", "audit"),
        _route(PokeKeyResource, "/poke-key", "poke_key"),
        _route(KeyProofsResource, "/key-proofs", "key_proofs"),
        _route(SecretResource, "/secret", "secret"),
    ]


APIs = (SyncAPI,)
