"""What the API speaks of, as resources of openstacksdk. Times are microseconds since the epoch, 0 for
never.
"""

from keystone_viaduct.sdk.resources.audited import Audited
from keystone_viaduct.sdk.resources.conflict import Conflict
from keystone_viaduct.sdk.resources.keys import KeyRepository
from keystone_viaduct.sdk.resources.record import Record, Waiting
from keystone_viaduct.sdk.resources.site import Capabilities, Hub, Lease, Site

__all__ = [
    "Audited",
    "Capabilities",
    "Conflict",
    "Hub",
    "KeyRepository",
    "Lease",
    "Record",
    "Site",
    "Waiting",
]
