"""What the demo does at its sites, and how it sees that it arrived."""
