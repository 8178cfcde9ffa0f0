"""SPICE netlists of resistors, capacitors, diodes and sources: reading, solving and writing them."""

from labrig.network.resistive.netlist.circuit import Circuit, NetlistError
from labrig.network.resistive.netlist.reader import read_netlist

__all__ = ["Circuit", "NetlistError", "read_netlist"]
