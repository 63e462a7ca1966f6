"""Viaduct: many unmodified Keystones, in many regions, serve one set of identities."""

__version__ = "0.1.0"
