"""Coupling of the two channels of an SDG (`COUP`), as measured on an SDG2122X (sources: tests/wire/README.md).

- TRACE, tracking: channel 2 takes over the basic wave of channel 1 immediately and at every change; changes of channel
  2 itself are undone. Its output, load, polarity and burst stay independent.
- FCOUP, PCOUP, ACOUP: frequency, phase or amplitude of channel 2 keep a ratio to channel 1 or a deviation from it. A
  change of either channel changes the other one.
- TRDUCH: a manual trigger starts both bursts.
While TRACE is on, nothing else can be set, and replies report only TRACE.
"""

from __future__ import annotations

from dataclasses import fields

from labrig.virtual_instruments.scpi.syntax import ScpiError, number
from labrig.virtual_instruments.siglent.wave import BasicWave, six

_OWN = {"on", "load_ohm", "inverted"}
_UNITS = {"FDEV": "HZ", "ADEV": "V"}


class Coupling:
    """Coupling settings of one generator, off at first.

    Attributes
    ----------
    tracks
        Whether channel 2 tracks channel 1.
    triggers_both
        Whether a manual trigger starts both bursts.
    """

    def __init__(self) -> None:
        self.tracks = False
        self.triggers_both = False
        self._on = {"FCOUP": False, "PCOUP": False, "ACOUP": False}
        self._relations = {"F": ("FDEV", 0.0), "P": ("PDEV", 0.0), "A": ("ADEV", 0.0)}

    @property
    def active(self) -> bool:
        """Whether a change of one channel can change the other."""
        return self.tracks or any(self._on.values())

    def set(self, words: tuple[str, ...]) -> None:
        """Execute `COUP` with its arguments, from left to right. Invalid arguments are ignored."""
        for key, value in zip(words[::2], words[1::2], strict=False):
            key, on = key.upper(), {"ON": True, "OFF": False}.get(value.upper())
            if key == "TRACE" and on is not None:
                self.tracks = on
            elif self.tracks:
                continue
            elif key == "TRDUCH" and on is not None:
                self.triggers_both = on
            elif key in self._on and on is not None:
                self._on[key] = on
            elif key in ("FDEV", "FRAT", "PDEV", "PRAT", "ADEV", "ARAT"):
                self._relate(key, value)

    def _relate(self, key: str, value: str) -> None:
        try:
            relation = number(value)
        except ScpiError:
            return
        if relation > 0 or key.endswith("DEV"):
            self._relations[key[0]] = (key, relation)

    def reply(self, trigger: bool) -> str:
        """Reply to `COUP?` after its header; `trigger` says whether this firmware reports TRDUCH."""
        if self.tracks:
            return "TRACE,ON"
        pairs = ["TRACE", "OFF"]
        for key, on in self._on.items():
            pairs += [key, "ON" if on else "OFF"]
        for key, on in self._on.items():
            name, value = self._relations[key[0]]
            pairs += [name, six(value) + _UNITS.get(name, "")] if on else []
        pairs += ["TRDUCH", "ON" if self.triggers_both else "OFF"] if trigger else []
        return ",".join(pairs)

    def follow(self, one: BasicWave, two: BasicWave, changed: int) -> None:
        """Apply a change of channel `changed` to the other channel."""
        if self.tracks:
            for each in fields(one):
                if each.name not in _OWN:
                    setattr(two, each.name, getattr(one, each.name))
            return
        changes, follows = (one, two) if changed == 1 else (two, one)
        now = {"F": changes.frequency_hz, "P": changes.phase_deg, "A": changes.amplitude_v * changes.factor}
        for kind, key in (("F", "FRQ"), ("P", "PHSE"), ("A", "AMP")):
            if self._on[f"{kind}COUP"]:
                name, value = self._relations[kind]
                if name.endswith("DEV"):
                    follows.set(key, repr(now[kind] + value if changed == 1 else now[kind] - value))
                else:
                    follows.set(key, repr(now[kind] * value if changed == 1 else now[kind] / value))
