"""Synchronisation: many Keystones, one set of identities (docs/explanation/protocol.md)."""
