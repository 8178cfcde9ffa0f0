"""Drivers that come with labrig."""
