"""Tempest's identity tests, and those of its plug-in for Keystone, at a site of a fleet that works."""
