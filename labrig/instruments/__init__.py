"""Contracts between the rig and any instrument, real or simulated, and the data they exchange."""
