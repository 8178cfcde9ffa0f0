"""An instrument that loses its power for a moment."""

from labrig.simulation.faults.fault import PowerFault


class Reset(PowerFault):
    """A bank restarts with its wipers at mid scale; a generator restarts with outputs off and connections cut."""

    kinds = ("source", "programmer")
