"""What goes on between two sites, without I/O of its own."""
