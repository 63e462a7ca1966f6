"""Six migrations that OpenStack services really made, declared as rolling upgrades."""
