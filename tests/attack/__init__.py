"""A limited site attacks with everything at once, while others are measured: ``make test-attack``."""
