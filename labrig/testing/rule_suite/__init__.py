"""A thin test around the check of labrig.testing.rules."""
