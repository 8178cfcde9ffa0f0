"""What may record the samples of a rig."""

from __future__ import annotations

from typing import Protocol

from labrig.instruments.data import Block
from labrig.rig.channel_programs import Programs


class Recorder(Protocol):
    """Gets the samples of every acquisition, before anything is made of them."""

    def begin(self, acquisition: int, asked: Programs, played: Programs) -> None:
        """Begin an acquisition: its number, what the sources were asked to play, and what they said they play."""
        ...

    def add(self, block: Block) -> None:
        """Take the next block of it."""
        ...


class NoRecorder:
    """Records nothing."""

    def begin(self, acquisition: int, asked: Programs, played: Programs) -> None:
        """Do nothing."""

    def add(self, block: Block) -> None:
        """Do nothing."""
