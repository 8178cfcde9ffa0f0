"""A generator in the state that somebody left it in: coupled, combined, with harmonics, with its sync output on.

`*RST` of the virtual generator resets none of it, because no source shows that a real one does.
"""

from __future__ import annotations

import numpy as np
import pytest
from labrig_drivers.siglent import SdgSource
from wire.siglent.rigs import BEGUN, assert_as_told, options, played, rig, sine, virtual_bench

from labrig.errors import ChannelFault
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.scpi import SocketServer, Vxi11Server
from labrig.virtual_instruments.siglent import VirtualSdg

LEFT = {
    "tracking": ("COUP TRACE,ON",),
    "frequency ratio": ("COUP FCOUP,ON", "COUP FRAT,2"),
    "frequency deviation": ("COUP FCOUP,ON", "COUP FDEV,300"),
    "phase": ("COUP PCOUP,ON", "COUP PDEV,90"),
    "amplitude": ("COUP ACOUP,ON", "COUP ARAT,0.5"),
    "coupled, then tracking": ("COUP ACOUP,ON", "COUP TRACE,ON"),
    "CH2 in CH1": ("C1:CMBN ON", "C2:BSWV AMP,3,OFST,1"),
    "CH1 in CH2": ("C2:CMBN ON",),
    "harmonics": ("C1:HARM HARMSTATE,ON", "C1:HARM HARMORDER,2,HARMAMP,1.2"),
    "sync": ("C2:SYNC ON",),
}
MODELS = ("SDG1032X", "SDG2042X")


def opened(generator: VirtualSdg, server, **more) -> SdgSource:
    source = SdgSource("gen", options(server, **more))
    source.open()
    return source


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("left", LEFT)
def test_the_bench_sees_what_was_asked_for(left, model):
    generator = VirtualSdg(virtual_bench(), "gen", model)
    for command in LEFT[left]:
        generator.execute(command.encode())
    with SocketServer(generator) as server:
        source = opened(generator, server, model=model)
        source.idle()
        for programs in (
            {"1": sine(1000, 0.5), "2": sine(1500, -0.25, dc=0.5)},
            {"1": sine(1000, 0.5), "2": SILENT},
            {"1": ToneProgram(1.0), "2": sine(1500, 2.0)},
        ):
            told, volts = played(source, generator, programs)
            assert_as_told(told, volts)
            for channel, program in programs.items():
                assert told[channel].dc == pytest.approx(program.dc)
                assert [(tone.frequency_hz, tone.amplitude) for tone in told[channel].tones] == [
                    (tone.frequency_hz, tone.amplitude) for tone in program.tones
                ]
        source.close()
    assert generator.failure is None


def test_a_table_is_played_at_its_frequency_although_true_arb_was_left_on():
    generator = VirtualSdg(virtual_bench(), "gen")
    generator.execute(b"C1:SRATE MODE,TARB,VALUE,1000000")
    with Vxi11Server(generator) as server:
        source = opened(generator, server)
        told, volts = played(source, generator, {"1": ToneProgram(0.1, (Tone(650, 0.6), Tone(1100, 0.3)))})
        assert np.abs(volts[BEGUN, 0]).max() > 0.5
        assert_as_told(told | {"2": SILENT}, volts, 1e-4)
        source.close()


def test_a_manual_trigger_starts_one_channel_although_it_was_left_to_start_both():
    generator = VirtualSdg(virtual_bench(), "gen")
    generator.execute(b"COUP TRDUCH,ON")
    with SocketServer(generator) as server:
        source = opened(generator, server, trigger="manual")
        source.load({"1": SILENT, "2": sine(1000, 1.0)})
        source.start()
        source.load({"1": sine(1000, 1.0), "2": SILENT})  # channel 2 waits with the amplitude it had
        source.start()
        source.confirm()  # by then the trigger has arrived
        playing = generator._bench.world.playing(np.inf)
        assert playing["gen/1"].tones
        assert playing["gen/2"] == SILENT
        source.close()


@pytest.mark.parametrize(
    ("stuck", "command", "says"),
    [
        (
            "COUPling",
            b"COUP TRACE,ON",
            r"tracking \(COUP TRACE\) is on .*remedy: switch it off at the front panel",
        ),
        ("C#:CoMBiNe", b"C2:CMBN ON", r"gen: combining with the other channel of channel 2 \(CMBN\) is on"),
        ("C#:HARMonic", b"C2:HARM HARMSTATE,ON", r"gen: harmonics of channel 2 \(HARM\) is on"),
        ("C#:SYNC", b"C1:SYNC ON", r"gen: the sync output of channel 1 \(SYNC\) is on"),
    ],
)
def test_what_cannot_be_switched_off_is_named(stuck, command, says):
    generator = VirtualSdg(virtual_bench(), "gen")
    generator.execute(command)
    generator.command(stuck, lambda _: None)  # this firmware ignores the command
    with SocketServer(generator) as server:
        source = SdgSource("gen", options(server))
        with pytest.raises(ChannelFault, match=says):
            source.open()
        source.close()


def test_a_generator_set_up_again_is_uncoupled_again():
    with rig() as (source, generator, _):
        source.idle()
        source.make_safe()
        for command in (b"COUP TRACE,ON", b"C1:CMBN ON"):
            generator.execute(command)
        with pytest.raises(ChannelFault):
            source.load({"1": sine(1000, 1.0), "2": sine(1000, 0.5)})
        told, volts = played(source, generator, {"1": sine(1000, 1.0), "2": sine(1000, 0.5)})
        assert_as_told(told, volts)


def test_a_firmware_that_does_not_reply_to_one_of_them_is_driven():
    class Older(VirtualSdg):
        def execute(self, message: bytes) -> bytes:
            if message.strip() in (b"COUP?", b"C1:HARM?", b"C2:HARM?"):
                return b""
            return super().execute(message)

    generator = Older(virtual_bench(), "gen")
    with SocketServer(generator) as server:
        source = opened(generator, server, deadline="300 ms")
        source.idle()
        told, volts = played(source, generator, {"1": sine(1000, 0.5), "2": sine(1500, 0.25)})
        assert_as_told(told, volts)
        source.confirm()
        source.close()
