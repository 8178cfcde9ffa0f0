"""Thin tests around the checks of labrig.testing."""
