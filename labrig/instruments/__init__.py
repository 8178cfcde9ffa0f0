"""Contracts between the rig and real or simulated instruments, and the data they exchange."""
