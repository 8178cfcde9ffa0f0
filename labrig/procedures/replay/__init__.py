"""A recorded run again, from its samples: what was demodulated and learned from them is compared bit by bit."""

from labrig.procedures.replay.replay import Replayed, lasting_events, replay

__all__ = ["Replayed", "lasting_events", "replay"]
