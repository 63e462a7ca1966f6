"""What mod_wsgi loads: Keystone's application with Viaduct around it."""

from keystone_viaduct.wsgi import application

__all__ = ["application"]
