"""What one site decides inside a transaction; all I/O goes through ``sync.ports``."""

from keystone_viaduct.sync.site.site import Site

__all__ = ["Site"]
