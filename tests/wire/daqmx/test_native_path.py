"""The path most users take: nidaqmx through ctypes. A stub in C stands for NI's library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STUB = Path(__file__).parent / "libnidaqmx_stub.c"

PACKAGE = """
import nidaqmx, numpy as np
from nidaqmx.system import System
assert list(System.local().devices.device_names) == ["Dev1"]
with nidaqmx.Task() as task:
    try:
        task.ai_channels.add_ai_voltage_chan("Dev1/ai99")
    except nidaqmx.DaqError as error:
        assert error.error_code == -200170
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0, Dev1/ai1")
    task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=5)
    assert task.read(5) == [[0.0] * 5, [1.0] * 5]
"""

DRIVER = """
import numpy as np
from labrig.errors import ConnectionFailed
from labrig.instruments.data import AcquisitionPlan
from labrig_drivers.ni.analog_input import NiAnalogInput
from labrig_drivers.ni.input_options import NiAnalogInputOptions
def opened(**options):
    entry = {"driver": "ni.ai", "model": "PXIe-6363", "full_scale": "2 V", **options}
    instrument = NiAnalogInput("daq", NiAnalogInputOptions.model_validate(entry))
    instrument.open()
    return instrument
ai = opened(resource="Dev1")
assert ai.identify().model == "PXIe-6363" and ai.identify().serial == "00ABCDEF"
plan = ai.configure(AcquisitionPlan(50e3, 0, 4000, ("ai0", "ai1", "ai2"), (2.0,) * 3, (0.0,) * 3))
assert plan.skew_s[2] == 2 / 150e3 and plan.ranges_v == (2.0,) * 3
ai.arm()
ai.start()
blocks = [ai.read(1.0) for _ in range(3)]
assert [block.start_index for block in blocks] == [0, 3080, 3850]
assert blocks[0].codes[7].tolist() == [7, 107, 207]
assert np.allclose(blocks[0].scale, [0.001, 6e-5, 1e-12, -1e-17], rtol=1e-15)
ai.make_safe()
ai.close()
try:
    opened(resource="Dev2")
except ConnectionFailed as error:
    assert "present: Dev1" in str(error)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the stub of NI's library needs gcc and Linux")
    folder = tmp_path_factory.mktemp("nidaqmx")
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-Wl,-soname,libnidaqmx.so.1"]
    subprocess.run([compiler, *flags, str(STUB), "-o", str(folder / "libnidaqmx.so.1")], check=True)
    (folder / "libnidaqmx.so").symlink_to("libnidaqmx.so.1")
    return folder


@pytest.mark.parametrize("script", [PACKAGE, DRIVER], ids=["package", "driver"])
def test_native_path(library: Path, script: str) -> None:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # the warning of a task that was stopped before its end is none for labrig


def test_without_nis_library_the_error_says_what_to_install() -> None:
    script = """
from labrig_drivers.ni.analog_input import NiAnalogInput
from labrig_drivers.ni.input_options import NiAnalogInputOptions
options = NiAnalogInputOptions(driver="ni.ai", model="PXIe-6363", resource="Dev1")
NiAnalogInput("daq", options).open()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "daq: the NI-DAQmx driver is not installed on this machine" in done.stderr
    assert "install NI-DAQmx from ni.com" in done.stderr


def test_importing_the_drivers_imports_nothing_of_ni() -> None:
    script = "import labrig_drivers.ni, sys; print([m for m in ('nidaqmx', 'grpc') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
