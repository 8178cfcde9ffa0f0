"""What the virtual generator does that no transcript can show: phases, bursts, edges, polarity, tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sawtooth, square
from wire.siglent.rigs import seen, virtual_bench

from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.sample_table import table_of
from labrig.virtual_instruments.siglent import VirtualSdg

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


def both(bench: Bench) -> list[ToneProgram | None]:
    return [bench.playing(1), bench.playing(2)]


def test_tracking_copies_the_basic_wave_of_channel_1(bench):
    """As an SDG2122X (firmware 2.01.01.39R7T2) did."""
    bench.tell("C1:BSWV AMP,0.4,PHSE,10", "C2:BSWV WVTP,SQUARE,FRQ,3000,AMP,0.2,PHSE,30", "C1:OUTP ON", "C2:OUTP ON")
    bench.tell("EQPHASE", "COUP TRACE,ON")
    assert bench.ask("COUP?") == "COUP TRACE,ON"
    assert bench.ask("C2:BSWV?")[2:] == bench.ask("C1:BSWV?")[2:]
    bench.tell("C1:BSWV FRQ,1500,AMP,0.6", "C2:BSWV AMP,5", "COUP FCOUP,ON")
    assert bench.ask("C2:BSWV?")[2:] == bench.ask("C1:BSWV?")[2:]
    one, two = both(bench)
    assert one is not None
    assert two is not None
    assert (one.tones[0].frequency_hz, one.tones[0].amplitude) == (1500, pytest.approx(0.3))
    assert (two.tones[0].frequency_hz, two.tones[0].amplitude) == (1500, pytest.approx(0.3))
    bench.tell("COUP TRACE,OFF", "C2:BSWV AMP,5")
    assert "FRQ,1500HZ" in bench.ask("C2:BSWV?")
    assert "AMP,5V" in bench.ask("C2:BSWV?")
    assert "AMP,0.6V" in bench.ask("C1:BSWV?")
    assert bench.ask("COUP?") == "COUP TRACE,OFF,FCOUP,OFF,PCOUP,OFF,ACOUP,OFF,TRDUCH,OFF"


@pytest.mark.parametrize(
    ("relation", "told", "two", "one"),
    [
        ("FCOUP,ON,FRAT,2", "FCOUP,ON,PCOUP,OFF,ACOUP,OFF,FRAT,2", "FRQ,2400HZ", "FRQ,2500HZ"),
        ("FCOUP,ON,FDEV,500", "FCOUP,ON,PCOUP,OFF,ACOUP,OFF,FDEV,500HZ", "FRQ,1700HZ", "FRQ,4500HZ"),
        ("ACOUP,ON,ARAT,0.5", "FCOUP,OFF,PCOUP,OFF,ACOUP,ON,ARAT,0.5", "AMP,0.2V", "AMP,0.6V"),
        ("ACOUP,ON,ADEV,0.1", "FCOUP,OFF,PCOUP,OFF,ACOUP,ON,ADEV,0.1V", "AMP,0.5V", "AMP,0.2V"),
        ("PCOUP,ON,PRAT,2", "FCOUP,OFF,PCOUP,ON,ACOUP,OFF,PRAT,2", "PHSE,60", "PHSE,50"),
        ("PCOUP,ON,PDEV,90", "FCOUP,OFF,PCOUP,ON,ACOUP,OFF,PDEV,90", "PHSE,120", "PHSE,10"),
    ],
)
def test_a_coupled_channel_keeps_its_relation(bench, relation, told, two, one):
    """Channel 2 as read back from an SDG2122X (firmware 2.01.01.39R7T2); then channel 2 is changed."""
    bench.tell("C1:BSWV FRQ,1200,AMP,0.4,PHSE,30", f"COUP {relation}")
    assert bench.ask("COUP?") == f"COUP TRACE,OFF,{told},TRDUCH,OFF"
    assert f"{two}," in bench.ask("C2:BSWV?") + ","
    bench.tell("C2:BSWV FRQ,5000,AMP,0.3,PHSE,100")
    assert f"{one}," in bench.ask("C1:BSWV?") + ","


def test_combining_adds_the_other_channel_even_if_its_output_is_off(bench):
    """Tones of 2 kHz and 5 kHz, in both directions, as on an SDG2122X (firmware 2.01.01.39R7T2)."""
    bench.tell("C1:BSWV FRQ,2000,AMP,0.2,OFST,0.5", "C2:BSWV FRQ,5000,AMP,0.4,OFST,0.25", "C1:OUTP ON")

    def levels(channel: int) -> tuple[float, list[tuple[float, float]]]:
        program = bench.playing(channel)
        assert program is not None
        return program.dc, [(tone.frequency_hz, pytest.approx(tone.amplitude)) for tone in program.tones]

    assert levels(1) == (0.5, [(2000, 0.1)])
    bench.tell("C1:CMBN ON")
    assert bench.ask("C1:CMBN?") == "C1:CMBN ON"
    assert levels(1) == (0.75, [(2000, 0.1), (5000, 0.2)])
    assert bench.playing(2) is None
    bench.tell("C2:BSWV AMP,1")
    assert levels(1) == (0.75, [(2000, 0.1), (5000, 0.5)])
    bench.tell("C1:CMBN OFF", "C2:CMBN ON", "C2:OUTP ON", "C1:OUTP OFF")
    assert levels(2) == (0.75, [(2000, 0.1), (5000, 0.5)])
    bench.tell("C2:CMBN OFF")
    assert levels(2) == (0.25, [(5000, 0.5)])


def test_a_combining_channel_plays_the_bursts_of_both(bench):
    for channel, cycles, hertz in ((1, 3, 1000), (2, 4, 2000)):
        bench.tell(f"C{channel}:BSWV FRQ,{hertz},AMP,2", f"C{channel}:BTWV STATE,ON", f"C{channel}:BTWV TIME,{cycles}")
        bench.tell(f"C{channel}:BTWV TRSR,EXT")
    bench.tell("C1:CMBN ON", "C1:OUTP ON")
    bench.now += 0.01
    bench.edge()
    delay = bench.generator.settings(1)[1].delay_s
    t = np.arange(2, 500) / RATE_HZ - delay
    expected = np.sin(2 * np.pi * 1000 * t) * (t < 3e-3) + np.sin(2 * np.pi * 2000 * t) * (t < 2e-3)
    assert np.abs(bench.seen(bench.now, 500)[2:] - expected).max() < 1e-6


def test_a_combining_channel_refuses_a_square(bench):
    """As an SDG1032X, without a word."""
    bench.tell("C1:CMBN ON", "C1:BSWV WVTP,SQUARE", "C2:BSWV WVTP,SQUARE")
    assert "WVTP,SINE" in bench.ask("C1:BSWV?")
    assert "WVTP,SQUARE" in bench.ask("C2:BSWV?")


def test_harmonics_are_added_to_a_sine(bench):
    """Amplitudes, phases and the muted orders as an SDG2122X played them; the reply of the programming guide."""
    bench.tell("C1:OUTP ON", "EQPHASE", "C1:HARM HARMSTATE,ON", "C1:HARM HARMORDER,2,HARMDBC,-6")
    reply = "C1:HARM ,HARMSTATE,ON,HARMTYPE,EVEN,HARMORDER,2,HARMAMP,2.004748935V,HARMDBC,-6dBc,HARMPHASE,0"
    assert bench.ask("C1:HARM?") == reply
    bench.tell("C1:HARM HARMAMP,1.2", "C1:HARM HARMPHASE,90", "C1:HARM HARMORDER,3,HARMAMP,0.8")

    def sines() -> list[tuple[float, float, float]]:
        program = bench.playing()
        assert program is not None
        turned = [(each, each.phase_rad + np.pi / 2) for each in program.tones]
        return [(tone.frequency_hz, pytest.approx(tone.amplitude), pytest.approx(phase)) for tone, phase in turned]

    assert sines() == [(1000, 2.0, 0.0), (2000, 0.6, np.pi / 2)]
    bench.tell("C1:HARM HARMTYPE,ALL")
    assert sines() == [(1000, 2.0, 0.0), (2000, 0.6, np.pi / 2), (3000, 0.4, 0.0)]
    bench.tell("C1:HARM HARMTYPE,ODD")
    assert sines() == [(1000, 2.0, 0.0), (3000, 0.4, 0.0)]
    bench.tell("C1:BTWV STATE,ON", "C1:BSWV PHSE,90", "C1:HARM HARMTYPE,EVEN")
    assert bench.playing() == ToneProgram(pytest.approx(2.0 - 0.6))  # sin(90°) and 0.3 sin(180° + 90°), times 2 V
    bench.tell("C1:HARM HARMSTATE,OFF")
    assert bench.playing() == ToneProgram(pytest.approx(2.0))


def test_the_sync_output_blocks_the_trigger_input(bench):
    armed(bench)
    bench.tell("C2:SYNC ON")
    bench.edge()
    assert bench.playing() == SILENT
    bench.tell("C2:SYNC OFF")
    bench.edge()
    assert bench.playing() != SILENT


def test_reset_keeps_what_no_source_shows_that_it_resets_and_power_does_not(bench):
    bench.tell("COUP FCOUP,ON", "C1:CMBN ON", "C1:SYNC ON", "C1:HARM HARMSTATE,ON", "C1:SRATE MODE,TARB", "*RST")
    kept = ("COUP?", "C1:CMBN?", "C1:SYNC?", "C1:HARM?", "C1:SRATE?")
    assert all("ON" in bench.ask(query) or "TARB" in bench.ask(query) for query in kept)
    bench.generator.power_cycle()
    assert [bench.ask(query) for query in kept] == [
        "COUP TRACE,OFF,FCOUP,OFF,PCOUP,OFF,ACOUP,OFF,TRDUCH,OFF",
        "C1:CMBN OFF",
        "C1:SYNC OFF",
        "C1:HARM HARMSTATE,OFF",
        "C1:SRATE MODE,DDS",
    ]
