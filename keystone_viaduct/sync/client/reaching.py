"""What libraries raise while they talk to a site, as one error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from keystone_viaduct.errors import SiteUnavailable
from keystone_viaduct.sync.wire.faults import one_line

#: OSError: a missing file of authorities, a reset, no such host. ValueError: an address that is none, bytes
#: that are no text. Each library has exceptions that derive from neither.
_LIBRARIES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError)


@contextmanager
def reaching(site: str, fault: str, hint: str) -> Iterator[None]:
    """Whatever HTTP, TLS or the login raises within: the site is unavailable. ``fault``: what it does not do.

    Raises SiteUnavailable.
    """
    from keystoneauth1.exceptions import ClientException

    try:
        yield
    except (*_LIBRARIES, ClientException) as error:
        raise SiteUnavailable(
            f"{site} {fault}: {one_line(str(error)) or type(error).__name__}", hint=hint, site=site
        ) from error
