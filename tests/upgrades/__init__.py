"""Whole upgrades under force: runners that are killed, and more than one of them."""
