"""Settings that other users may have left on, and that change the output or keep its burst from starting.

According to the programming guide `*RST` recalls the default setup, but it is not known which of these settings this
resets. So each setting is switched off and read back.
"""

from __future__ import annotations

from dataclasses import dataclass

from labrig.errors import ChannelFault
from labrig_drivers.siglent.models import SdgModel
from labrig_drivers.siglent.session import SdgSession

_COUPLINGS = {
    "TRACE": "tracking",  # first: while it is on, the others cannot be set
    "FCOUP": "frequency coupling",
    "PCOUP": "phase coupling",
    "ACOUP": "amplitude coupling",
    "TRDUCH": "the common manual trigger",
}


@dataclass(frozen=True, slots=True)
class _Switch:
    """A setting of one channel: its header, the command that switches it off, and the reply that confirms this."""

    header: str
    off: str
    key: str
    word: str
    name: str


_COMBINING = _Switch("CMBN", "OFF", "STATE", "OFF", "combining with the other channel")
_HARMONICS = _Switch("HARM", "HARMSTATE,OFF", "HARMSTATE", "OFF", "harmonics")
_SYNC = _Switch("SYNC", "OFF", "STATE", "OFF", "the sync output")  # its connector is the trigger input
_TRUE_ARB = _Switch("SRATE", "MODE,DDS", "MODE", "DDS", "true-arb mode")


def uncouple(session: SdgSession, channels: tuple[str, ...], action: str) -> None:
    """Make the channels independent of each other; raises ChannelFault if they are not."""
    for key in _COUPLINGS:
        session.write(f"COUP {key},OFF", action)
    for channel in channels:
        session.write(f"C{channel}:{_COMBINING.header} {_COMBINING.off}", action)
    check_uncoupled(session, channels, action)


def check_uncoupled(session: SdgSession, channels: tuple[str, ...], action: str) -> None:
    """Raise ChannelFault if one channel affects the signal of the other."""
    told = session.ask_if_known("COUP", action)  # an SDG2122X reports only the settings that apply, such as TRACE,ON
    for key, name in _COUPLINGS.items():
        if told.get(key, "OFF") != "OFF":
            raise _still_on(session, f"{name} (COUP {key})", action)
    for channel in channels:
        _check(session, channel, _COMBINING, action)


def switch_off_extras(session: SdgSession, channel: str, model: SdgModel, action: str) -> None:
    """Make a channel play only its sine and receive its trigger. Raises ChannelFault if a setting stays on.

    The channel must be set to a sine, because an SDG1032X does not reply to HARM? with another waveform.
    """
    for switch in (_HARMONICS, _SYNC, _TRUE_ARB) if model.true_arb else (_HARMONICS, _SYNC):
        session.write(f"C{channel}:{switch.header} {switch.off}", action)
        _check(session, channel, switch, action)


def _check(session: SdgSession, channel: str, switch: _Switch, action: str) -> None:
    told = session.ask_if_known(f"C{channel}:{switch.header}", action)
    if told.get(switch.key, switch.word) != switch.word:
        raise _still_on(session, f"{switch.name} of channel {channel} ({switch.header})", action)


def _still_on(session: SdgSession, what: str, action: str) -> ChannelFault:
    return ChannelFault(
        f"{what} is on",
        device=session.device,
        action=action,
        remedy="switch it off at the front panel, or try again: labrig switches it off when it sets the generator up",
    )
