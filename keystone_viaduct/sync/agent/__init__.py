"""The agent: one process beside the hub that carries changes between all sites (docs/reference/agent.md).

It holds no state of its own: what it knows is at the sites, so it may be killed and started anywhere, any
time.
"""
