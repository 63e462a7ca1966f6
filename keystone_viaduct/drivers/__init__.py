"""What is put around Keystone's loaded drivers: whole-method retry and the request memo."""
