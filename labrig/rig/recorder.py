"""The interface of a recorder for the samples of a rig."""

from __future__ import annotations

from typing import Protocol

from labrig.instruments.data import Block
from labrig.rig.channel_programs import Programs


class Recorder(Protocol):
    """Receives the samples of every acquisition, before they are evaluated."""

    def begin(self, acquisition: int, asked: Programs, played: Programs) -> None:
        """Begin an acquisition: its number, the programs that were requested, and those that the sources report."""
        ...

    def add(self, block: Block) -> None:
        """Take the next block of the acquisition."""
        ...


class NoRecorder:
    """Records nothing."""

    def begin(self, acquisition: int, asked: Programs, played: Programs) -> None:
        """Do nothing."""

    def add(self, block: Block) -> None:
        """Do nothing."""
