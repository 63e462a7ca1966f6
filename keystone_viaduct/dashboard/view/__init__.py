"""What each page shows, from the state of the fleet: pure functions and plain values, no I/O."""
