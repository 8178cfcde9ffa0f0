"""What the virtual generator does that no transcript can show: phases, bursts, edges, polarity, tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sawtooth, square
from wire.siglent.rigs import seen, virtual_bench

from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.siglent import VirtualSdg
from labrig.virtual_instruments.siglent.arbitrary import table_of

RATE_HZ = 100e3


class Bench:
    """A generator on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.bench = virtual_bench(clock=lambda: self.now)
        self.generator = VirtualSdg(self.bench, "gen")

    def tell(self, *commands: str) -> None:
        for command in commands:
            self.generator.execute(command.encode())

    def ask(self, query: str) -> str:
        return self.generator.execute(query.encode()).decode().strip()

    def edge(self) -> None:
        self.bench.lines.fire("gen/trigger", self.now)

    def seen(self, t0: float, samples: int) -> np.ndarray:
        return seen(self.generator, t0, RATE_HZ, samples)[:, 0]

    def playing(self, channel: int = 1) -> ToneProgram | None:
        return self.bench.world.playing(np.inf)[f"gen/{channel}"]


@pytest.fixture
def bench():
    made = Bench()
    yield made
    assert made.generator.failure is None


def armed(bench: Bench, *more: str) -> None:
    bench.tell("C1:BSWV AMP,2", "C1:BTWV STATE,ON", "C1:BTWV TIME,INF", "C1:BTWV TRSR,EXT", *more, "C1:OUTP ON")


def test_a_running_sine_is_continuous_when_its_frequency_changes(bench):
    bench.tell("C1:BSWV AMP,2", "C1:OUTP ON")
    bench.now += 0.0123456
    bench.tell("C1:BSWV FRQ,1700")
    volts = bench.seen(bench.now - 1e-3, 200)
    assert np.abs(np.diff(volts)).max() < 2 * np.pi * 1700 / RATE_HZ * 1.01
    assert np.abs(volts).max() > 0.99


def test_channels_run_at_phases_of_their_own_until_aligned(bench):
    bench.tell("C1:OUTP ON", "C2:OUTP ON")

    def difference() -> float:
        one, two = bench.playing(1), bench.playing(2)
        assert one is not None
        assert two is not None
        return abs(np.exp(1j * one.tones[0].phase_rad) - np.exp(1j * two.tones[0].phase_rad))

    bench.now += 0.001
    bench.tell("EQPHASE")
    assert difference() < 1e-9
    bench.tell("MODE PHASELOCKED", "MODE PHASE-LOCKED")
    assert bench.generator.execute(b"MODE?") == b"MODE PHASE-LOCKED\n"
    other = Bench()
    other.tell("C1:OUTP ON", "C2:OUTP ON")
    assert {round(p.tones[0].phase_rad, 6) for p in (other.playing(1), other.playing(2)) if p} != {0.0}


@pytest.mark.parametrize(("phase", "level"), [(0, 0.25), (180, 0.25), (90, 1.25), (-30, -0.25)])
def test_a_burst_waits_at_its_start_phase_and_starts_with_it(bench, phase, level):
    armed(bench, "C1:BSWV OFST,0.25", f"C1:BSWV PHSE,{phase}")
    assert bench.playing() == ToneProgram(pytest.approx(level))
    bench.now += 0.5
    bench.edge()
    delay = bench.generator.settings(1)[1].delay_s
    t = np.arange(2, 100) / RATE_HZ
    expected = 0.25 + np.sin(2 * np.pi * 1000 * (t - delay) + np.radians(phase))
    assert np.abs(bench.seen(bench.now, 100)[2:] - expected).max() < 1e-6


def test_edges_and_repeated_settings_do_not_restart_a_burst_but_changes_do(bench):
    armed(bench)
    bench.edge()
    start = bench.now
    bench.now += 0.00125
    bench.edge()
    bench.tell("C1:BTWV TRSR,EXT", "C1:BTWV TIME,INF", "C1:BSWV AMP,2")
    volts = bench.seen(start, 300)
    assert np.abs(np.diff(volts[2:])).max() < 0.064
    bench.now += 0.01
    bench.tell("C1:BTWV TRSR,MAN,TRSR,EXT")
    assert bench.playing() == SILENT
    bench.now += 0.01
    bench.edge()
    assert bench.playing() != SILENT


def test_a_counted_burst_ends_and_can_be_started_again(bench):
    armed(bench, "C1:BTWV TIME,3")
    for _ in range(2):
        bench.now += 0.01
        bench.edge()
        volts = bench.seen(bench.now, 500)
        assert np.abs(volts[:300]).max() > 0.99
        assert np.abs(volts[302:]).max() < 1e-9


def test_a_manual_trigger_starts_one_channel_or_both(bench):
    for channel in "12":
        bench.tell(f"C{channel}:BTWV STATE,ON", f"C{channel}:BTWV TIME,INF", f"C{channel}:BTWV TRSR,MAN")
        bench.tell(f"C{channel}:OUTP ON")
    bench.tell("C1:BTWV MTRIG")
    assert bench.playing(1) != SILENT
    assert bench.playing(2) == SILENT
    bench.tell("C1:BTWV TRSR,EXT,TRSR,MAN", "COUP TRDUCH,ON", "C1:BTWV MTRIG")
    assert bench.playing(1) == bench.playing(2) != SILENT


def test_polarity_and_output(bench):
    bench.tell("C1:BSWV WVTP,DC,OFST,0.5", "C1:OUTP ON,PLRT,INVT")
    assert bench.playing() == ToneProgram(-0.5)
    bench.tell("C1:OUTP OFF")
    assert bench.playing() is None


def test_the_clock_falls_back_without_a_reference():
    generator = VirtualSdg(virtual_bench(), "gen", reference=lambda: False)
    generator.execute(b"ROSC EXT")
    assert generator.execute(b"ROSC?") == b"ROSC INT,10MOUT,OFF\n"


def test_tables_become_tones():
    turns = np.arange(1024) / 1024
    samples = np.rint(32767 * (0.25 + 0.5 * np.cos(2 * np.pi * 7 * turns + 1.0) + 0.2 * np.sin(2 * np.pi * 30 * turns)))
    table = table_of("w", samples.astype("<i2").tobytes() + b"\n")
    assert (table.length, [order for order, _, _ in table.harmonics]) == (1024, [7, 30])
    assert table.mean == pytest.approx(0.25, abs=1e-5)
    assert table.harmonics[0][1:] == (pytest.approx(0.5, abs=1e-4), pytest.approx(1.0, abs=1e-4))
    assert table.at(0.0) == pytest.approx(table.first, abs=1e-4)
    assert table_of("nothing", b"").harmonics == ()


def test_an_arbitrary_waveform_repeats_its_table(bench):
    turns = np.arange(256) / 256
    data = np.rint(32767 * np.cos(2 * np.pi * 5 * turns)).astype("<i2").tobytes()
    bench.generator.execute(b"C1:WVDT WVNM,w,FREQ,1,AMPL,1,OFST,0,PHASE,0,WAVEDATA," + data)
    bench.tell("C1:ARWV NAME,w", "C1:BSWV WVTP,ARB,FRQ,100,AMP,3", "C1:OUTP ON", "EQPHASE")
    (tone,) = (bench.playing() or SILENT).tones
    assert tone == Tone(500.0, pytest.approx(1.5, abs=1e-3), pytest.approx(0.0, abs=1e-3))


def test_an_uploaded_waveform_is_named_as_a_file(bench):
    """As an SDG2042X with firmware 2.01.01.23R7 answers; the programming guide's form is that of a built-in one."""
    assert bench.ask("C1:ARWV?") == "C1:ARWV INDEX,2,NAME,StairUp"
    bench.generator.execute(b"C1:WVDT WVNM,w,FREQ,1,AMPL,1,OFST,0,PHASE,0,WAVEDATA,\x00\x00\xff\x7f")
    bench.tell("C1:ARWV NAME,w")
    assert bench.ask("C1:ARWV?") == "C1:ARWV NAME,w.bin"


SHAPES = {
    "SQUARE,DUTY,50": lambda turn: square(2 * np.pi * turn, 0.5),
    "SQUARE,DUTY,20": lambda turn: square(2 * np.pi * turn, 0.2),
    "RAMP,SYM,50": lambda turn: sawtooth(2 * np.pi * (turn + 0.25), 0.5),
    "RAMP,SYM,100": lambda turn: sawtooth(2 * np.pi * (turn + 0.5), 1.0),
    "RAMP,SYM,0": lambda turn: sawtooth(2 * np.pi * turn, 0.0),
    "PULSE,DUTY,30,DLY,0.001": lambda turn: square(2 * np.pi * (turn - 0.1), 0.3),
    "PULSE,WIDTH,0.004,RISE,0.0008,FALL,0.0016": lambda turn: np.interp(
        turn % 1, [0, 0.1, 0.05 + 0.4 - 0.1, 0.05 + 0.4 + 0.1, 1], [-1, 1, 1, -1, -1]
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_played_by_its_harmonics(bench, shape):
    """As scipy draws it, but for the length of an edge; the first harmonic within 0.05 %."""
    bench.tell(f"C1:BSWV WVTP,{shape.replace(',', ',FRQ,100,AMP,3,OFST,0.25,', 1)}", "C1:OUTP ON", "EQPHASE")
    turn = (np.arange(2000) + 0.5) / 2000
    wanted, found = SHAPES[shape](turn), (bench.playing().at(turn / 100) - 0.25) / 1.5
    far = np.ones(len(turn), dtype=bool)
    for jump in np.flatnonzero(np.abs(np.diff(wanted, append=wanted[0])) > 0.5):
        far &= np.abs((turn - turn[jump] + 0.5) % 1 - 0.5) > 0.03
    np.testing.assert_allclose(found[far], wanted[far], atol=0.04)
    assert np.fft.rfft(found)[1] == pytest.approx(np.fft.rfft(wanted)[1], rel=5e-4)


@pytest.mark.parametrize(
    ("shape", "level"), [("PULSE,DLY,0.001", -1.0), ("RAMP,PHSE,90", 1.0), ("SQUARE,PHSE,90", 1.0)]
)
def test_a_burst_waits_at_the_level_it_will_start_from(bench, shape, level):
    bench.tell(f"C1:BSWV WVTP,{shape.replace(',', ',FRQ,100,AMP,2,OFST,0,', 1)}", "C1:BTWV STATE,ON")
    bench.tell("C1:BTWV TRSR,EXT", "C1:OUTP ON")
    assert bench.playing() == ToneProgram(pytest.approx(level, abs=0.01))


def test_a_pulse_too_narrow_for_any_harmonic_is_its_low_level(bench):
    bench.tell("C1:BSWV WVTP,PULSE,FRQ,1E-6,AMP,2,OFST,0,WIDTH,2E-8", "C1:OUTP ON")
    assert bench.playing() == ToneProgram(pytest.approx(-1.0, abs=1e-4))


@pytest.mark.parametrize("kind", ["NOISE", "ARB"])
def test_what_is_no_sum_of_tones_is_its_offset(bench, kind):
    """As configs/README.md says; the board knows constants and tones."""
    bench.tell("C1:BSWV AMP,2,OFST,0.25", f"C1:BSWV WVTP,{kind}", "C1:OUTP ON")
    assert f"WVTP,{kind}," in bench.generator.execute(b"C1:BSWV?").decode()
    assert bench.playing() == ToneProgram(0.25)
