"""``make upgrade-demo``: Keystone 24 becomes 25 on one database, and its users get a status, under load."""
