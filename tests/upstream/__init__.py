"""Keystone's own suites as conformance tests of the wrapped drivers and of each engine."""
