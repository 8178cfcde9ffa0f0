"""A VISA session with a DG1000Z, which takes one setting at a time.

Seen on a DG1062Z and a DG1022Z with firmware 03.01.12 (sources in tests/wire/README.md):
- two commands in one message hang the generator;
- `*OPC?` does not answer while a burst waits for its trigger;
- a setting reads back at once but reaches the output later. A further message that comes too early can keep it from the
  output, although it still reads back, and sending the same value again does not help.
So each setting is a message of its own that is read back at once, and followed by a pause.
"""

from __future__ import annotations

import time

from labrig_drivers.visa import VisaSession


class PacedSession(VisaSession):
    """A VISA session in which a pause follows each setting.

    Parameters
    ----------
    device, resource, deadline_s
        See `VisaSession`.
    pause_s
        Time between the reply that confirms a setting and the next message (s).
    """

    def __init__(self, device: str, resource: str, deadline_s: float, pause_s: float) -> None:
        super().__init__(device, resource, deadline_s)
        self._pause_s = pause_s
        self._free_at = 0.0

    def wait(self) -> None:
        """Wait until the latest setting has reached the output."""
        time.sleep(max(0.0, self._free_at - time.monotonic()))

    def ask(self, question: str, action: str) -> str:
        """Wait until the latest setting has reached the output, then send one query and return the reply."""
        self.wait()
        return self.query(question, action)

    def change(self, key: str, value: str, action: str) -> str:
        """Send one setting, and return how it reads back."""
        return self.send(f"{key} {value}", f"{key}?", action)

    def change_now(self, key: str, value: str, action: str) -> str:
        """Send a setting that must not wait, at the risk that the setting before it never reaches the output."""
        self._free_at = 0.0
        return self.change(key, value, action)

    def send(self, message: str | bytes, question: str, action: str) -> str:
        """Send one command, and return the reply to a query that shows that it has been executed."""
        self.wait()
        if isinstance(message, bytes):
            self.write_raw(message, action)
        else:
            self.write(message, action)
        told = self.query(question, action)
        self._free_at = time.monotonic() + self._pause_s
        return told
