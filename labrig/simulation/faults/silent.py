"""An instrument that stops answering."""

from labrig.simulation.faults.fault import SilenceFault


class Silent(SilenceFault):
    """The instrument stops answering; on `bench: wire` it still carries out requests."""
