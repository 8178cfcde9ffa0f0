"""Resistor networks with diodes."""

from labrig.network.resistive.options import Resistive

__all__ = ["Resistive"]
