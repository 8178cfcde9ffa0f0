"""A bank of potentiometers that rejects requests."""

from labrig.simulation.faults.fault import RequestFault


class Nak(RequestFault):
    """Every request except HELLO and SAFE is rejected as MALFORMED."""

    kinds = ("programmer",)
