"""Resistor networks with diodes: what is wired to what, and the voltages that follow."""
