"""National Instruments through NI-DAQmx: `ni.ai` and `ni.ao`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo
from labrig_drivers import ni_ai, ni_ao
from labrig_drivers.ni_common import NEVER_RUN

DRIVERS = (
    DriverInfo(
        "ni.ai",
        "digitizer",
        ni_ai.NiAnalogInputOptions,
        ni_ai.capabilities,
        ni_ai.NiAnalogInput,
        models=dict.fromkeys(ni_ai.MODELS, NEVER_RUN),
        virtual="daqmx",
    ),
    DriverInfo(
        "ni.ao",
        "source",
        ni_ao.NiAnalogOutputOptions,
        ni_ao.capabilities,
        ni_ao.NiAnalogOutput,
        models=dict.fromkeys(ni_ao.MODELS, NEVER_RUN),
        virtual="daqmx",
    ),
)
