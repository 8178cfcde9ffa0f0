"""Self-test of a bench: whether the board is wired as configured, and if not, what is wrong."""

from labrig.procedures.selftest.procedure import Finding, SelfTest, selftest

__all__ = ["Finding", "SelfTest", "selftest"]
