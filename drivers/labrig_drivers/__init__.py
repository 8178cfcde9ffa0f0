"""Drivers included with labrig."""
