"""The common base of all faces: a name, and a connection that faults may cut."""

from __future__ import annotations

from labrig.errors import ConnectionFailed, DeadlineExceeded
from labrig.instruments.data import Identity
from labrig.simulation.faces.context import SimulatedContext
from labrig.simulation.faults import ConnectionFault, SilenceFault

SILENCE_S = 1.0
"""Time for which a face waits for an instrument that a fault keeps from answering (s)."""


class Face:
    """The common base of all faces: a name, and a connection that faults may cut."""

    def __init__(self, name: str, context: SimulatedContext) -> None:
        self.name = name
        self.identity = Identity(model="generic", serial=f"simulated-{name}")
        self._context = context
        self._open = False

    def open(self) -> None:
        """Connect. Raises ConnectionFailed or DeadlineExceeded under a fault."""
        self._require_connected("open")
        self._require_answer("open")
        self._open = True

    def identify(self) -> Identity:
        """Return model, serial number and firmware."""
        self._require_open("identify")
        return self.identity

    def close(self) -> None:
        """Disconnect."""
        self._open = False

    def _require_open(self, action: str) -> None:
        if not self._open:
            raise ConnectionFailed("is not open", device=self.name, action=action, remedy="call open() first")
        if not self._context.world.faults.empty:
            self._require_connected(action)
            self._require_answer(action)

    def _require_connected(self, action: str) -> None:
        faults = self._context.world.faults
        faults.poll()
        if faults.active(self.name, ConnectionFault):
            raise ConnectionFailed(
                "the connection was lost", device=self.name, action=action, remedy="check its cable and its power"
            )

    def _require_answer(self, action: str) -> None:
        if self._context.world.faults.active(self.name, SilenceFault):
            self._context.clock.sleep(SILENCE_S)
            raise DeadlineExceeded("did not answer", device=self.name, action=action, limit=f"{SILENCE_S:g} s")
