"""The cable of an instrument is out."""

from labrig.simulation.faults.fault import ConnectionFault


class Disconnect(ConnectionFault):
    """A source keeps playing, because no command reaches it."""
