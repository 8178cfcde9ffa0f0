"""A connection to a Siglent generator, which checks the header of every reply before using it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from labrig.errors import ConnectionFailed, DeadlineExceeded, IdentityMismatch
from labrig.instruments.data import Identity
from labrig_drivers.siglent.dialect import Pairs, answers_another, messages, parse_pairs
from labrig_drivers.siglent.models import LONGEST_USB_MESSAGE, USB, interface
from labrig_drivers.visa import VisaSession, is_raw_socket


class SdgSession(VisaSession):
    """A VISA session for the command dialect of Siglent generators."""

    _answered: frozenset[str] = frozenset()
    _unknown: frozenset[str] = frozenset()

    def ask(self, header: str, action: str) -> Pairs:
        """Return the reply to `<header>?`. Raises ConnectionFailed if it is the reply to another query."""
        text = self.query(f"{header}?", action)
        reply = parse_pairs(text, header)
        if reply is None:
            self._refuse(text, header, action)
        return reply

    def ask_if_known(self, header: str, action: str) -> dict[str, str]:
        """Return the words of the reply to `<header>?`; empty if this model or firmware does not reply to it.

        Not every model replies to every header. A generator that does not reply at all is detected by the next query.
        """
        if header in self._unknown:
            return {}
        try:
            words = self.ask(header, action).words
        except DeadlineExceeded:
            if header in self._answered:
                raise
            self._unknown |= {header}
            return {}
        self._answered |= {header}
        return dict(words)

    def identity(self) -> Identity:
        """Return the reply to *IDN?. Raises IdentityMismatch if it is not from a Siglent generator."""
        reply = self.query("*IDN?", "identify")
        maker, model, serial, firmware = ([word.strip() for word in reply.split(",")] + [""] * 4)[:4]
        if "siglent" in maker.lower():
            return Identity(model, serial, firmware)
        if answers_another(reply):
            self._refuse(reply, "*IDN", "identify")
        raise IdentityMismatch(f"identifies as {reply!r}, not a Siglent", device=self.device, action="identify")

    def first_identity(self) -> Identity:
        """Return the identity on a new connection, with a remedy for firmware that serves no raw socket."""
        try:
            return self.identity()
        except (ConnectionFailed, DeadlineExceeded) as error:
            if is_raw_socket(self.resource):
                error.remedy = (
                    "use its VXI-11 resource, TCPIP::<address>::INSTR: an SDG2000X with firmware 2.01.01.23R7 refuses "
                    "port 5025; or check power, cable and address"
                )
            raise

    def set(self, header: str, pairs: Sequence[str], action: str) -> None:
        """Set "KEY,value" pairs, in as many messages as the interface needs."""
        longest = LONGEST_USB_MESSAGE if interface(self.resource) == USB else None
        for message in messages(header, pairs, longest):
            self.write(message, action)

    def _refuse(self, text: str, header: str, action: str) -> NoReturn:
        """Raise ConnectionFailed for a reply to another query, and give up the connection."""
        self.abandon()
        why = ", the reply to another query, which was left on the line" if answers_another(text) else ""
        raise ConnectionFailed(
            f"answered {text!r} to {header}?{why}",
            device=self.device,
            action=action,
            remedy="close other programs using it",
        )
