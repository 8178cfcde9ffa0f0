"""The shipped faces and drivers keep the contracts: every check, on the simulated bench and on the wire."""

from __future__ import annotations

from contextlib import suppress

import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.testing import digitizer, programmer, rig, source
from labrig.testing.calls import NotApplicable
from labrig.testing.station import Station, Subject

BENCHES = {
    "divider": ("divider.yaml", "simulated"),
    "iris": ("iris_wire.yaml", "simulated"),
    "wire": ("iris_wire.yaml", "wire"),
    "board": ("board.yaml", "wire"),
}
ALONE = {
    "memristors": ("iris_memristor.yaml", "simulated", "cells"),
    "arc": ("xor_arc.yaml", "wire", "cells"),
    "keysight": ("studies/iris_keysight.yaml", "wire", "err1"),
    "rigol": ("studies/iris_rigol.yaml", "wire", "err1"),
    "judge": (
        "iris_wire.yaml",
        "simulated",
        "daq2",
        "instruments.daq2={driver: generic.digitizer, channels: 3, bits: 18, full_scale: 2 V, max_sample_rate: 9 kS/s}",
        "judge={outputs: daq2/0..2}",
    ),
    "meter": (
        "iris_wire.yaml",
        "wire",
        "dmm1",
        *(
            f"instruments.dmm{n}={{driver: keysight.truevolt, resource: 'TCPIP::192.0.2.3{n}', aperture: 400 us}}"
            for n in range(3)
        ),
        "judge={outputs: 'dmm0/1, dmm1/1, dmm2/1'}",
    ),
}
"""Stations of which one instrument alone is checked: the others are on other stations, too."""
CHECKS = {"source": source.CHECKS, "digitizer": digitizer.CHECKS, "programmer": programmer.CHECKS}

STATIONS = {
    name: Station(assemble(packaged_configs() / file, [f"bench={bench}", *more[1:]]))
    for name, (file, bench, *more) in {**BENCHES, **ALONE}.items()
}


@pytest.fixture(scope="module", autouse=True)
def benches():
    yield
    for station in STATIONS.values():
        station.close()


def _cases():
    for name, station in STATIONS.items():
        for kind, checks in CHECKS.items():
            for subject in station.subjects(kind):
                if name in ALONE and subject.name != ALONE[name][2]:
                    continue
                for check in checks:
                    slow = name in ("arc", "rigol", "meter") or (name == "board" and "ctrl_c" in check.__name__)
                    marks = [pytest.mark.more] if slow else []
                    if name == "meter" and "twenty" in check.__name__:  # 24 s: each reading takes its time
                        marks = [pytest.mark.long]
                    yield pytest.param(subject, check, id=f"{name}-{subject.name}-{check.__name__}", marks=marks)


# An interrupt may strike inside a callback of the garbage collector, where Python can only report it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("subject", "check"), list(_cases()))
def test_instrument(subject: Subject, check):
    _applied(check, subject)


@pytest.mark.parametrize("name", BENCHES)
@pytest.mark.parametrize("check", rig.CHECKS, ids=lambda check: check.__name__)
def test_rig(name, check):
    _applied(check, STATIONS[name])


def _applied(check, to):
    with suppress(NotApplicable):  # a face that cannot be absent has nothing to keep
        check(to)


def test_a_current_source_is_driven_with_the_largest_error_of_the_file_at_most():
    through = "wiring.out0.through={howland: 10 µA/V, output_resistance: 5 MΩ, compliance: 3 V}"
    station = Station(assemble(packaged_configs() / "iris_wire.yaml", ["bench=simulated", through]))
    assert station.drive_v == pytest.approx(1e-6 / 10e-6)
    station.close()
