"""The cable of an instrument is out."""

from labrig.simulation.faults.fault import ConnectionFault


class Disconnect(ConnectionFault):
    """A source plays on, for nobody can switch it off."""
