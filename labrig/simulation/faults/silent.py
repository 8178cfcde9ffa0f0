"""An instrument stops answering."""

from labrig.simulation.faults.fault import SilenceFault


class Silent(SilenceFault):
    """On the wire it still does what it is told."""
