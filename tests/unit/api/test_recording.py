"""What a transaction of the API remembers, for caches."""

from __future__ import annotations

from typing import Any, cast

from keystone_viaduct.sync.api.cache import Entry, drops_of
from keystone_viaduct.sync.api.recording import Recording
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site.sequencer import sequence
from keystone_viaduct.testing.memory import MemoryStore, empty


def test_an_id_that_was_moved_in_a_sql_shell_is_dropped_from_caches_when_it_is_numbered() -> None:
    """No manager has said so: the old id would be served by its name for a while."""
    store = MemoryStore(empty("east", "east", incarnation="1"))
    store.edit([Write(Ref("domain", "d"), None, {"id": "d", "name": "d"})], 1)
    old, new = Ref("user", "old"), Ref("user", "new")
    row = {"domain_id": "d", "local.name": "ada", "enabled": True}
    store.edit([Write(old, None, {"id": "old", **row})], 1)
    store.run(lambda tx: sequence(tx, tx.state(), 2))
    store.edit([Write(old, {"id": "old", **row}, None), Write(new, None, {"id": "new", **row})], 3)

    def work(tx: Any) -> list[Write]:
        recording = Recording(tx)
        sequence(cast(Any, recording), tx.state(), 4)
        return recording.numbered

    drops = drops_of(store.run(work)).entries
    assert Entry("identity_api", "get_user", ("old",)) in drops
    assert Entry("identity_api", "get_user", ("new",)) in drops
    assert Entry("identity_api", "get_user_by_name", ("ada", "d")) in drops


def test_what_was_received_is_no_edit_of_this_site() -> None:
    store = MemoryStore(empty("east", "east", incarnation="1"))
    ref = Ref("user", "u")
    store.edit([Write(Ref("domain", "d"), None, {"id": "d", "name": "d"})], 1)
    store.edit([Write(ref, None, {"id": "u", "domain_id": "d"})], 1)
    store.run(lambda tx: sequence(tx, tx.state(), 2))

    def again(tx: Any) -> list[Write]:
        recording = Recording(tx)
        sequence(cast(Any, recording), tx.state(), 4)
        return recording.numbered

    assert store.run(again) == []
