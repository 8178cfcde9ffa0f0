"""Self-test of a bench: checks whether the board is wired as configured, and finds the faults if it is not."""

from labrig.procedures.selftest.procedure import Finding, SelfTest, selftest

__all__ = ["Finding", "SelfTest", "selftest"]
