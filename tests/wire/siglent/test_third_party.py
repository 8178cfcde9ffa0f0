"""Software by others drives the virtual generator: awg-scpi (MIT, on PyPI), and PyVISA's own shell."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from wire.siglent.rigs import seen, virtual_bench

from labrig.virtual_instruments.scpi import Latency, Vxi11Server
from labrig.virtual_instruments.siglent import VirtualSdg

# awg-scpi 0.2.2 writes docstrings with invalid escapes
pytestmark = [
    pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*invalid escape sequence.*:SyntaxWarning"),
]


@pytest.fixture
def generator():
    made = VirtualSdg(virtual_bench(), "gen", joins_long=True)  # what awg-scpi is written for
    yield made
    assert made.failure is None


@pytest.fixture
def awg(generator):
    siglent = pytest.importorskip("awg_scpi.siglent", reason="awg-scpi is not installed")
    with Vxi11Server(generator, Latency(0.0, 0.0)) as server:
        instrument = siglent.Siglent(server.resource)
        instrument.open()
        yield instrument
        instrument.close()


def test_a_sine(awg, generator):
    assert awg._IDNmodel == "SDG2042X"
    awg.setWaveType("SINE", channel=1)
    awg.setFrequency(2000, channel=1)
    awg.setAmplitude(1.5, channel=1)
    awg.setOffset(0.25, channel=1)
    awg.outputOn(channel=1)
    assert awg.isOutputOn(channel=1)
    assert awg.isOutputHiZ(channel=1)
    assert awg.queryOffset(channel=1) == 0.25
    volts = seen(generator, time.monotonic(), 100e3, 50)[:, 0]
    assert volts.max() == pytest.approx(1.0, abs=0.01)
    assert volts.min() == pytest.approx(-0.5, abs=0.01)
    awg.outputOff(channel=1)
    assert not awg.isOutputOn(channel=1)


def test_an_arbitrary_waveform(awg, generator):
    turns = np.arange(1000) / 1000
    samples = (32767 * (0.6 * np.cos(6 * np.pi * turns) + 0.4 * np.sin(10 * np.pi * turns))).astype(np.int16)
    awg.setWaveType("ARB", channel=2)
    awg.setArbWaveData(samples.tobytes(), "wave", 100.0, 2.0, 0.0, channel=2)
    awg.setArbWaveByName("wave", channel=2)
    awg.setFrequency(100.0, channel=2)
    awg.setAmplitude(2.0, channel=2)
    assert awg._queryArbWaveType(channel=2)["NAME"] == "wave.bin"
    awg.outputOn(channel=2)
    volts = seen(generator, time.monotonic(), 10e3, 100)[:, 1]
    sizes = np.abs(np.fft.rfft(volts)) / 50
    assert sizes[3] == pytest.approx(0.6, abs=1e-3)
    assert sizes[5] == pytest.approx(0.4, abs=1e-3)
    assert np.delete(sizes, [3, 5]).max() < 1e-3


def test_pyvisas_shell_lists_and_queries_it(generator):
    shell = Path(sys.executable).with_name("pyvisa-shell")
    with Vxi11Server(generator, Latency(0.0, 0.0)) as server:
        script = f"list\nopen {server.resource}\nwrite C1:BSWV FRQ,2500\nquery C1:BSWV?\nquery *IDN?\nclose\nexit\n"
        done = subprocess.run([str(shell), "-b", "py"], input=script, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "has been opened" in done.stdout
    assert "C1:BSWV WVTP,SINE,FRQ,2500HZ," in done.stdout
    assert "Siglent Technologies,SDG2042X," in done.stdout
