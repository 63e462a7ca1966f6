"""A key repository on disk: what in it is not the fleet's is told before it gives way."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.sync.keyset.model import Keyset, Retired, fingerprint, new_key
from keystone_viaduct.sync.keyset.repository import KeyRepository

STAGED, PRIMARY, OLD = (new_key() for _ in range(3))
FLEET = Keyset(3, STAGED, PRIMARY, (Retired(OLD),))


def repository(folder: Path, slots: dict[int, str]) -> KeyRepository:
    for number, key in slots.items():
        (folder / str(number)).write_text(key)
    return KeyRepository(folder, settle=0.0)


def converge(found: KeyRepository, target: Keyset) -> None:
    for _ in range(20):
        found.converge(target, 0.0)


def test_keys_of_somebody_who_has_rotated_by_hand_are_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strange = new_key()
    found = repository(tmp_path, {0: strange, 1: OLD, 2: PRIMARY, 3: STAGED})  # as `fernet_rotate` leaves it
    converge(found, FLEET)
    assert set(found.slots().values()) == set(FLEET.keys) and found.state() == FLEET.state
    (record,) = caplog.records
    assert record.levelname == "WARNING" and fingerprint(strange) in record.getMessage()
    assert str(tmp_path) in record.getMessage() and "viaduct keys rotate" in record.getMessage()
    assert strange not in caplog.text, "a fingerprint is no key"


def test_what_the_fleet_has_rotated_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = repository(tmp_path, {0: PRIMARY, 1: OLD})  # a generation ago
    converge(found, FLEET)
    assert found.state() == FLEET.state and not caplog.records
