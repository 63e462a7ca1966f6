"""What Keystone's data is: one pure declaration per kind of resource. Imports nothing but our errors."""
