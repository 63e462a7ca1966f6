"""What openstackclient asks of a plug-in."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib import utils

API_NAME = "sync"
API_VERSION_OPTION = "os_sync_api_version"
DEFAULT_API_VERSION = "1"
#: ``1`` is the latest that this release knows; the others are versions of the API.
API_VERSIONS = dict.fromkeys(("1", "1.0", "1.1", "1.2"), "keystone_viaduct.sdk.proxy.Proxy")


def make_client(instance: Any) -> Any:
    """The proxy of the connection that openstackclient has made."""
    from keystone_viaduct.sdk import register

    found = register(instance.sdk_connection).sync
    asked = str(instance._api_version[API_NAME])
    if "." in asked:
        found.default_microversion = asked
    return found


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of all commands."""
    parser.add_argument(
        "--os-sync-api-version",
        metavar="<sync-api-version>",
        default=utils.env("OS_SYNC_API_VERSION"),
        help=f"Synchronisation API version, default={DEFAULT_API_VERSION} (Env: OS_SYNC_API_VERSION)",
    )
    return parser
