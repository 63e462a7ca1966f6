"""What the tests share: database servers, databases, other releases of Keystone."""
