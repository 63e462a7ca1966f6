"""Generated workloads on bridges that a trigger can't keep equal by itself: across tables, and by Python."""
