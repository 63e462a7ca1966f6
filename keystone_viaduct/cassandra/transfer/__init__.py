"""Records of all kinds to files and back, between any two engines; and what is left over in Cassandra
removed.
"""
