"""National Instruments boards through NI-DAQmx: `ni.ai` and `ni.ao`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.ni import assumptions, input_options, machine, output_options, routes
from labrig_drivers.ni.analog_input import NiAnalogInput
from labrig_drivers.ni.analog_output import NiAnalogOutput
from labrig_drivers.ni.input_options import NiAnalogInputOptions
from labrig_drivers.ni.models import MODELS
from labrig_drivers.ni.output_options import NiAnalogOutputOptions

__all__ = ["DRIVERS", "NiAnalogInput", "NiAnalogInputOptions", "NiAnalogOutput", "NiAnalogOutputOptions"]

EVIDENCE = "wire; never run on hardware"

VIRTUAL = VirtualCounterpart(
    "daqmx",
    "labrig.virtual_instruments.daqmx:devices",
    faults=("delay", "connection", "silence", "samples"),
)

PACKAGES = ("nidaqmx", "grpcio")
IMPORTS = ("nidaqmx.system", "nidaqmx.stream_writers", "nidaqmx.constants", "grpc", "nidaqmx._grpc_interpreter")
PROBES = {"NI-DAQmx": machine.devices}

DRIVERS = (
    DriverInfo(
        "ni.ai",
        "digitizer",
        NiAnalogInputOptions,
        input_options.capabilities,
        NiAnalogInput,
        models={name: EVIDENCE for name, model in MODELS.items() if model.inputs and not model.refused},
        other_models=True,
        virtual=VIRTUAL,
        packages=PACKAGES,
        imports=IMPORTS,
        probes=PROBES,
        assumptions=assumptions.INPUT,
        connection_problems=routes.input_problems,
    ),
    DriverInfo(
        "ni.ao",
        "source",
        NiAnalogOutputOptions,
        output_options.capabilities,
        NiAnalogOutput,
        models={name: EVIDENCE for name, model in MODELS.items() if model.outputs},
        other_models=True,
        virtual=VIRTUAL,
        packages=PACKAGES,
        imports=IMPORTS,
        probes=PROBES,
        assumptions=assumptions.OUTPUT,
        connection_problems=routes.output_problems,
    ),
)
