"""Upload of a table of samples to a generator, and the verification of its length.

An upload consists of 16-bit little-endian samples without a length. If the interface marks the end of a message
(VXI-11, USB), samples may have any value; on a raw socket the first line feed ends the message, so samples that contain
this byte are changed slightly.

An interrupted upload may leave a stored waveform of length zero, which is reported to keep a generator from starting.
So a message is always sent completely, and its length is read back.
"""

from __future__ import annotations

import re

import numpy as np

from labrig.errors import ChannelFault, LabrigError
from labrig_drivers.siglent.models import SOCKET, interface
from labrig_drivers.visa import VisaSession

_LENGTH = re.compile(rb"LENGTH,\s*(\d+)B")
_LINE_FEED = 0x0A


def without_line_feeds(samples: bytes) -> bytes:
    """Change each 16-bit sample that contains the byte 0x0A to the nearest value that does not."""
    values = np.frombuffer(samples, dtype="<u2").astype(np.int32)
    high = values >> 8 == _LINE_FEED
    values[high] = np.where(values[high] & 0xFF > 0x7F, 0x0B00, 0x09FF)
    values[values & 0xFF == _LINE_FEED] += 1
    return values.astype("<u2").tobytes()


def store(session: VisaSession, channel: str, name: str, settings: str, samples: bytes) -> None:
    """Store a waveform under a name, and read back its length.

    Parameters
    ----------
    session
        The connection.
    channel
        The channel that plays the waveform.
    name
        Name of the waveform.
    settings
        Parameters of the waveform, as in the command: "FREQ,…,AMPL,…".
    samples
        16-bit little-endian samples.

    Raises
    ------
    ChannelFault
        If the waveform was not stored completely.
    """
    assert len(samples) >= 4, "a waveform of length zero must never be stored"
    message = f"C{channel}:WVDT WVNM,{name},{settings},WAVEDATA,".encode()
    try:
        if interface(session.resource) == SOCKET:
            session.write_raw(message + without_line_feeds(samples) + b"\n", "load")
        else:
            session.write_raw(message + samples, "load")
        # An SDG6022X takes what follows a message of more than 1024 bytes for its continuation, unless that is short
        # (found by the author of awg-scpi). An empty line ends it there and has no effect on other models.
        session.write("", "load")
    except LabrigError as error:
        raise _not_whole(session.device, name, f"the upload of {name} failed: {error}") from error
    stored = stored_bytes(session, name)
    if stored // 2 != len(samples) // 2:  # the empty line may be counted
        what = f"stored {stored} of the {len(samples)} bytes of {name}"
        raise _not_whole(session.device, name, what)


def stored_bytes(session: VisaSession, name: str) -> int:
    """Length of a stored waveform in bytes, from the reply to `WVDT? USER,<name>`, which contains the samples."""

    def behind(text: bytes) -> int:
        found = _LENGTH.search(text)
        return int(found[1]) if found else 0

    return behind(session.query_data(f"WVDT? USER,{name}", "load", b"WVDT ", b"WAVEDATA,", behind)[0])


def _not_whole(device: str, name: str, what: str) -> ChannelFault:
    return ChannelFault(
        what,
        device=device,
        action="load",
        remedy=f"do not switch it off before {name} has been uploaded completely or deleted, because a stored waveform "
        "of length zero is reported to keep a generator from starting",
    )
