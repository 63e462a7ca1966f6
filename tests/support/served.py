"""Several Keystones on one database (or one cluster of them), under gunicorn, with the same keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, OUR_WSGI, UPSTREAM_WSGI, Keystone, SiteSpec

__all__ = ["ADMIN_PASSWORD", "OUR_WSGI", "UPSTREAM_WSGI", "Keystone", "serving"]


@contextmanager
def serving(
    folder: Path,
    databases: Sequence[str],
    options: Mapping[str, Mapping[str, str]],
    *,
    wsgi: str = OUR_WSGI,
    workers: int = 2,
    between: Callable[[], None] = lambda: None,
) -> Iterator[list[Keystone]]:
    """One Keystone for each URL in ``databases``; they show the same data, which the first one sets up.

    ``between`` is called when the data is set up and nothing serves it yet. Log in as ``admin`` with
    ``ADMIN_PASSWORD``.
    """
    first = SiteSpec("east", databases[0], wsgi=wsgi, workers=workers, threads=8, options=options)
    sites = [Keystone(first, folder / "0")]
    layout = sites[0].layout
    shared = {
        "fernet_tokens": {"key_repository": str(layout.fernet_keys)},
        "fernet_receipts": {"key_repository": str(layout.receipt_keys)},
        "credential": {"key_repository": str(layout.credential_keys)},
    }
    for number, url in enumerate(databases[1:], 1):
        spec = replace(first, database_url=url, options={**options, **shared})
        sites.append(Keystone(spec, folder / str(number)))
    try:
        sites[0].begin_setup()
        sites[0].finish_setup()
        for site in sites[1:]:
            site.layout.folder.mkdir(parents=True)
            site.write_config()
        between()
        for site in sites:
            site.start()
        for site in sites:
            site.wait_ready()
        yield sites
    finally:
        for site in sites:
            site.terminate()
        for site in sites:
            site.stop()
            site.port.release()
