"""A bank of potentiometers that refuses what it is asked."""

from labrig.simulation.faults.fault import RequestFault


class Nak(RequestFault):
    """Every request but HELLO and SAFE is refused as MALFORMED."""

    kinds = ("programmer",)
