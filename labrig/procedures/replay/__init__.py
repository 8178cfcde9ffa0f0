"""Replays a recorded run from its samples: demodulation and learning are repeated and compared bit by bit."""

from labrig.procedures.replay.replay import Replayed, replay

__all__ = ["Replayed", "replay"]
