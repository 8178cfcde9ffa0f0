"""SPICE netlists: the subset that a schematic of resistors, capacitors, diodes and sources needs, read and solved."""

from labrig.network.resistive.netlist.circuit import Circuit, NetlistError
from labrig.network.resistive.netlist.reader import read_netlist

__all__ = ["Circuit", "NetlistError", "read_netlist"]
