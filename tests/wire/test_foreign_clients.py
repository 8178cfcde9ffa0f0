"""`labrig virtual serve` as a new user with packages by others: awg-scpi plays, NI's nidaqmx reads, on one board."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import grpc
import nidaqmx
import numpy as np
import pytest
from nidaqmx.constants import AcquisitionType
from serving import grpc_address, served

# awg-scpi 0.2.2 writes docstrings with invalid escapes
pytestmark = [
    pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*invalid escape sequence.*:SyntaxWarning"),
]

VXI_11 = (  # awg-scpi ends its messages with no newline, which a raw socket needs
    'instruments.err1.resource="TCPIP::192.0.2.20::INSTR"',
    'instruments.err2.resource="TCPIP::192.0.2.21::INSTR"',
)
RATE_HZ, SAMPLES = 50e3, 1000
CHANNELS = "ai10:13"  # out0, out1, out2, pilot of iris_wire.yaml


def amplitudes(resource: str, frequency_hz: float) -> np.ndarray:
    """(4,) peak volts of a tone at out0, out1, out2 and the pilot's input."""
    host, port, device = grpc_address(resource)
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        options = nidaqmx.GrpcSessionOptions(channel, "")
        with nidaqmx.Task(grpc_options=options) as task:
            task.ai_channels.add_ai_voltage_chan(f"{device}/{CHANNELS}", min_val=-2, max_val=2)
            task.timing.cfg_samp_clk_timing(RATE_HZ, sample_mode=AcquisitionType.FINITE, samps_per_chan=SAMPLES)
            volts = np.array(task.read(SAMPLES))
    turns = frequency_hz / RATE_HZ * np.arange(SAMPLES)
    return np.abs(volts @ np.exp(-2j * np.pi * turns)) * 2 / SAMPLES


def play(generator: Any, channel: int, frequency_hz: float, volts_pp: float) -> None:
    generator.setWaveType("SINE", channel=channel)
    generator.setFrequency(frequency_hz, channel=channel)
    generator.setAmplitude(volts_pp, channel=channel)
    generator.setOffset(0.0, channel=channel)
    generator.outputOn(channel=channel)


@pytest.mark.more
def test_what_awg_scpi_plays_is_what_nidaqmx_reads() -> None:
    siglent = pytest.importorskip("awg_scpi.siglent", reason="awg-scpi is not installed")
    # DAQmx itself leaves a channel 11 µs, too little for the outputs of this board: no ghost of the channel before.
    options = ["simulation.source_amplitude=0", "simulation.multiplexer=0 F", *VXI_11]
    overrides = [word for option in options for word in ("--set", option)]
    with served("iris_wire.yaml", *overrides) as resources, ExitStack() as stack:
        generators = {name: siglent.Siglent(resources[name]) for name in ("err1", "err2")}
        for generator in generators.values():
            generator.open()
            stack.callback(generator.close)
            assert generator._IDNmodel == "SDG2042X"
        errors, pilot = generators["err1"], generators["err2"]
        seen = partial(amplitudes, resources["daq"])

        assert seen(1000) == pytest.approx([0, 0, 0, 0], abs=1e-4)
        play(pilot, 2, 1000, 1.0)
        assert seen(1000) == pytest.approx([0, 0, 0, 0.5], rel=3e-3, abs=1e-4)
        # The potentiometers still have open terminals: out0 hangs on its generator alone, through 100 kΩ.
        play(errors, 1, 1500, 2.0)
        assert seen(1500) == pytest.approx([1.0, 0, 0, 0], rel=3e-3, abs=1e-4)
        pilot.setAmplitude(0.5, channel=2)
        assert seen(1000) == pytest.approx([0, 0, 0, 0.25], rel=3e-3, abs=1e-4)
        errors.outputOff(channel=1)
        assert seen(1500) == pytest.approx([0, 0, 0, 0], abs=1e-4)
