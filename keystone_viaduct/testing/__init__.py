"""Fakes, conformance suites and the fleet simulation: shipped for adapters' authors, never imported by the
rest.
"""
