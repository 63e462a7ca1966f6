"""Generated workloads on bridged tables: old, new and both-shape statements against a pure model."""
