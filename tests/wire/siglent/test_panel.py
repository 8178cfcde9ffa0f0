"""Somebody works at the panel of a generator that labrig drives."""

from __future__ import annotations

import pytest
from labrig_drivers.visa_generator import CLOCK_EVERY
from wire.siglent.rigs import assert_as_told, played, rig, sine

from labrig.errors import ChannelFault, ConnectionFailed
from labrig.signals.tones import SILENT


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("C1:OUTP OFF", "channel 1 did not accept OUTP: requested ON, got OFF"),
        ("C2:OUTP OFF", "channel 2 did not accept OUTP: requested ON, got OFF"),
        ("C1:OUTP PLRT,INVT", "channel 1 did not accept PLRT: requested NOR, got INVT"),
        ("C2:OUTP LOAD,50", "channel 2 did not accept AMP: requested 2, got 1V"),
        ("C1:BSWV AMP,0.5", "channel 1 did not accept AMP"),
        ("C2:BSWV AMP,0.5", "channel 2 did not accept AMP"),
        ("C2:BTWV DLAY,0.5", "channel 2 did not accept DLAY: requested 0, got 0.5S"),
        ("ROSC INT", "runs on its INT clock instead of EXT"),
        ("COUP TRACE,ON", r"tracking \(COUP TRACE\) is on"),
        ("COUP FCOUP,ON", r"frequency coupling \(COUP FCOUP\) is on"),
        ("COUP TRDUCH,ON", r"the common manual trigger \(COUP TRDUCH\) is on"),
        ("C2:CMBN ON", r"combining with the other channel of channel 2 \(CMBN\) is on"),
    ],
)
def test_whatever_a_key_of_the_panel_changes_is_not_confirmed(key, says):
    with rig() as (source, generator, _):
        programs = {"1": sine(1000, 1.0), "2": sine(1000, 1.0)}
        source.idle()
        played(source, generator, programs)
        source.confirm()
        generator.execute(key.encode())
        if key.startswith(("ROSC", "COUP", "C2:CMBN")):  # which are asked now and then only
            source._confirmed = CLOCK_EVERY - 1
        with pytest.raises((ChannelFault, ConnectionFailed), match=says):
            source.confirm()
        told, volts = played(source, generator, programs)  # set up anew
        assert_as_told(told, volts)
        source.confirm()


def test_somebody_at_the_panel_is_noticed():
    with rig() as (source, generator, _):
        source.load({"1": sine(1000, 1.0)})
        generator.execute(b"C1:BSWV FRQ,1234")
        with pytest.raises(ChannelFault, match="FRQ: requested 1000, got 1234HZ"):
            source.load({"1": sine(1000, 1.1), "2": SILENT})
