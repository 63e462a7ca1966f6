"""Sites that speak the real API without a Keystone, many in one process: the product's decisions over stores
in memory, behind the product's own wire format. What they cost is left out of what an agent is measured by.
"""
