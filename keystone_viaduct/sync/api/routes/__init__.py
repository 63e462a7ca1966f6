"""What each route of ``/v3/OS-SYNC`` does with a request."""
