"""Tests of Viaduct; importable, so that they share ``tests.support``."""
