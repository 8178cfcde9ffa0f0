"""An instrument that loses its power for a moment."""

from labrig.simulation.faults.fault import PowerFault


class Reset(PowerFault):
    """A bank starts with its wipers at mid scale; a generator with its outputs off, and its connections are cut."""

    kinds = ("source", "programmer")
