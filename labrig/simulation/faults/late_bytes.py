"""Late replies on a serial line."""

from labrig.simulation.faults.late_replies import LateReplies


class LateBytes(LateReplies):
    """Each reply is delayed by `by`."""

    kinds = ("programmer",)
