"""The check of labrig.testing.rules as a test."""
