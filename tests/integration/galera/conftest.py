"""One cluster for all tests of this folder."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from keystone_viaduct.testing import galera
from tests.support.servers import unavailable


@pytest.fixture(scope="session")
def running_cluster() -> Iterator[galera.Galera]:
    """Three sites; the test that changes distances or cuts roads puts them right again."""
    reason = galera.missing()
    if reason is not None:
        unavailable("no Galera cluster can be started here", reason)
    with galera.Galera(3, provider=galera.QUICK) as cluster:
        yield cluster


def put_right(cluster: galera.Galera) -> None:
    """All roads open and short, all sites in the cluster."""
    cluster.set_rtt(0.0)
    for site in cluster.sites:
        cluster.heal(site)
    cluster.wait(cluster.sites)


@pytest.fixture
def cluster(running_cluster: galera.Galera) -> Iterator[galera.Galera]:
    """The cluster with all its sites in it, no distance between them, before and after the test."""
    yield running_cluster
    put_right(running_cluster)


@pytest.fixture
def database(cluster: galera.Galera) -> Iterator[str]:
    """Name of an empty database."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    cluster.create(name)
    yield name
    put_right(cluster)
    cluster.execute(1, f"DROP DATABASE `{name}`")
