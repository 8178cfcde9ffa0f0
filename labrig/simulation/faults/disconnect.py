"""The cable of an instrument is unplugged."""

from labrig.simulation.faults.fault import ConnectionFault


class Disconnect(ConnectionFault):
    """The cable is unplugged; a source keeps playing, because no command reaches it."""
