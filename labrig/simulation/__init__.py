"""The simulated bench: a World that can be sampled, and in-process faces that implement the driver contracts."""
