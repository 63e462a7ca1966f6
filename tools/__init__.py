"""What the Makefile and the linters use; not part of the product."""
