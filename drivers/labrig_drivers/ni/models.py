"""Facts about NI models, which labrig needs without a connection, because `check` and `plan` use no hardware.

When a device is opened, DAQmx's answers are compared with these facts (`facts.py`). Only the data sheets give settling
times and output resistances. Numbers of channels, rates and ranges are those that DAQmx reports, where published.
`source` names the documents; tests/wire/README.md says which of them were available.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from labrig.instruments.data import plain_model

Terminal = Literal["rse", "nrse", "differential"]

ALL: tuple[Terminal, ...] = ("rse", "nrse", "differential")
PFI = tuple(f"PFI{k}" for k in range(16))
RTSI = tuple(f"RTSI{k}" for k in range(8))
PXI_TRIG = tuple(f"PXI_Trig{k}" for k in range(8))


@dataclass(frozen=True)
class Accuracy:
    """Largest errors of an input range, by the data sheet.

    Attributes
    ----------
    gain, zero_v
        Largest relative error of the reading, and largest error of the zero including nonlinearity (V), within 1 °C of
        the last self-calibration and 10 °C of the last external calibration.
    """

    gain: float
    zero_v: float


@dataclass(frozen=True)
class Inputs:
    """Analog inputs of a model.

    Attributes
    ----------
    channels
        Number of single-ended inputs, or of pairs if the inputs can only be differential.
    single_hz
        Highest sample rate of one channel (S/s).
    multi_hz
        Highest rate of several channels (S/s): per channel if they are sampled simultaneously, otherwise in total.
    ranges_v
        Input ranges (± V).
    bits
        Resolution.
    simultaneous
        Whether each channel has its own converter.
    terminals
        Possible wirings, the default first.
    accuracy
        Accuracy by range (± V); the errors of missing ranges are not known.
    """

    channels: int
    single_hz: float
    multi_hz: float
    ranges_v: tuple[float, ...]
    bits: int = 16
    simultaneous: bool = False
    terminals: tuple[Terminal, ...] = ALL
    accuracy: Mapping[float, Accuracy] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Outputs:
    """Analog outputs of a model.

    Attributes
    ----------
    channels
        Number of outputs.
    single_hz
        Highest update rate of one channel (S/s).
    all_hz
        Highest update rate of all channels together (S/s).
    settle_s, output_ohm
        Settling time (s) and output resistance (Ω) of the data sheet; None if they are not known.
    full_scale_v
        Range (± V).
    bits
        Resolution.
    """

    channels: int
    single_hz: float
    all_hz: float
    settle_s: float | None
    output_ohm: float | None
    full_scale_v: float = 10.0
    bits: int = 16


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes
    ----------
    source
        Documents from which the values were taken.
    inputs, outputs
        Analog channels of the model; None if there are none.
    timebase_hz
        Timebase (Hz); sample clocks are its frequency divided by integers.
    start_outputs, clock_outputs
        Terminals that can output the start trigger, and 10 MHz. None: not known, so DAQmx decides.
    reference
        Whether the model can be locked to a reference clock.
    module
        Whether the model is a C Series module, whose clock and terminals are those of its CompactDAQ chassis.
    refused
        Why labrig cannot use the model, with a remedy; "" if it can.
    """

    source: str
    inputs: Inputs | None = None
    outputs: Outputs | None = None
    timebase_hz: float = 100e6
    start_outputs: tuple[str, ...] | None = None
    clock_outputs: tuple[str, ...] | None = None
    reference: bool = True
    module: bool = False
    refused: str = ""


def _mio(
    source: str, buses: tuple[str, ...], cards: Mapping[str, tuple[Inputs, Outputs | None]], m_series: bool = False
) -> dict[str, Model]:
    """Multifunction cards on several buses. The 10 MHz of an M Series card goes to RTSI only, not to a PFI terminal."""
    models = {}
    for bus in buses:
        lines = {"USB": (), "PCI": RTSI, "PCIe": RTSI}.get(bus, PXI_TRIG)
        for number, (inputs, outputs) in cards.items():
            models[f"{bus}-{number}"] = Model(
                source,
                inputs,
                outputs,
                timebase_hz=20e6 if m_series else 100e6,
                start_outputs=PFI + lines,
                clock_outputs=lines if m_series else PFI + lines,
            )
    return models


_WIDE_V = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_FOUR_V = (0.2, 1.0, 5.0, 10.0)
_PAIRS_V = (1.0, 2.0, 5.0, 10.0)
_PAIRS: tuple[Terminal, ...] = ("differential",)

_X_SERIES = "NI 632x, 634x, 6351/6353, 6361/6363 and 6356/6366 Specifications; X Series User Manual"
_M_SERIES = "NI 622x, 625x and 628x Specifications; M Series User Manual"
_USB_621X = "NI USB-621x Specifications and User Manual"
_C_SERIES = "data sheet of the module; NI cDAQ-9178/9174 User Guide and Specifications"

_DELTA_SIGMA = (
    "its delta-sigma converters run on an oscillator of their own, to which sources cannot be locked, and delay all "
    "samples by their filters; use a module without them, e.g. NI-9215 or NI-9205"
)


_622X = MappingProxyType(
    {
        # Residual gain + 1 °C + 10 °C; residual offset + 1 °C + nonlinearity.
        10.0: Accuracy((75 + 25 + 50) * 1e-6, (20 + 57 + 76) * 10.0e-6),
        5.0: Accuracy((85 + 25 + 50) * 1e-6, (20 + 60 + 76) * 5.0e-6),
        1.0: Accuracy((95 + 25 + 50) * 1e-6, (25 + 79 + 76) * 1.0e-6),
        0.2: Accuracy((135 + 25 + 50) * 1e-6, (80 + 175 + 76) * 0.2e-6),
    }
)
"""Absolute accuracy table of the NI 622x Specifications."""


def _x_ao(channels: int) -> Outputs:
    return Outputs(channels, 100e6 / 35, {2: 2.0e6, 4: 1.25e6}[channels], 2e-6, 0.2)


def _low_ao(channels: int) -> Outputs:
    return Outputs(channels, 100e6 / 109, {2: 840e3, 4: 719e3}[channels], 6e-6, 0.2)


def _m_ao(channels: int) -> Outputs:
    return Outputs(channels, 20e6 / 7, {2: 2.0e6, 4: 1.25e6}[channels], 2e-6, 0.2)


def _m_low_ao(channels: int) -> Outputs:
    return Outputs(channels, 20e6 / 24, {2: 740e3, 4: 625e3}[channels], 6e-6, 0.2)


def _usb_621x(inputs: Inputs, start_outputs: tuple[str, ...] = PFI[4:8], outputs: bool = True) -> Model:
    """A bus-powered card: no reference clock, no 10 MHz output."""
    return Model(
        _USB_621X,
        inputs,
        Outputs(2, 250e3, 250e3, 32e-6, 0.2) if outputs else None,
        timebase_hz=20e6,
        start_outputs=start_outputs,
        clock_outputs=(),
        reference=False,
    )


def _module(inputs: Inputs | None = None, outputs: Outputs | None = None, refused: str = "") -> Model:
    return Model(
        _C_SERIES, inputs, outputs, timebase_hz=80e6, clock_outputs=(), reference=False, module=True, refused=refused
    )


def _ao_card(source: str, outputs: Outputs, timebase_hz: float = 100e6) -> Model:
    return Model(source, None, outputs, timebase_hz=timebase_hz)


MODELS: Mapping[str, Model] = {
    **_mio(
        _X_SERIES,
        ("PXIe", "PCIe", "USB"),
        {
            "6363": (Inputs(32, 2e6, 1e6, _WIDE_V), _x_ao(4)),
            "6361": (Inputs(16, 2e6, 1e6, _WIDE_V), _x_ao(2)),
            "6353": (Inputs(32, 1.25e6, 1e6, _WIDE_V), _x_ao(4)),
            "6351": (Inputs(16, 1.25e6, 1e6, _WIDE_V), _x_ao(2)),
            "6343": (Inputs(32, 500e3, 500e3, _FOUR_V), _low_ao(4)),
            "6341": (Inputs(16, 500e3, 500e3, _FOUR_V), _low_ao(2)),
            "6323": (Inputs(32, 250e3, 250e3, _FOUR_V), _low_ao(4)),
            "6321": (Inputs(16, 250e3, 250e3, _FOUR_V), _low_ao(2)),
            "6366": (Inputs(8, 2e6, 2e6, _PAIRS_V, 16, True, _PAIRS), Outputs(2, 10e6 / 3, 10e6 / 3, 2e-6, 0.2)),
            "6356": (Inputs(8, 1.25e6, 1.25e6, _PAIRS_V, 16, True, _PAIRS), Outputs(2, 10e6 / 3, 10e6 / 3, 2e-6, 0.2)),
        },
    ),
    **_mio(
        _M_SERIES,
        ("PCI", "PCIe", "PXI", "USB"),
        {
            "6221": (Inputs(16, 250e3, 250e3, _FOUR_V, accuracy=_622X), _m_low_ao(2)),
            "6229": (Inputs(32, 250e3, 250e3, _FOUR_V, accuracy=_622X), _m_low_ao(4)),
            "6251": (Inputs(16, 1.25e6, 1e6, _WIDE_V), _m_ao(2)),
            "6259": (Inputs(32, 1.25e6, 1e6, _WIDE_V), _m_ao(4)),
            "6281": (Inputs(16, 625e3, 500e3, _WIDE_V, 18), _m_ao(2)),
            "6289": (Inputs(32, 625e3, 500e3, _WIDE_V, 18), _m_ao(4)),
        },
        m_series=True,
    ),
    "USB-6210": _usb_621x(Inputs(16, 250e3, 250e3, _FOUR_V), outputs=False),
    "USB-6211": _usb_621x(Inputs(16, 250e3, 250e3, _FOUR_V)),
    "USB-6212": _usb_621x(Inputs(16, 400e3, 400e3, _FOUR_V), PFI),
    "USB-6215": _usb_621x(Inputs(16, 250e3, 250e3, _FOUR_V)),
    "USB-6216": _usb_621x(Inputs(16, 400e3, 400e3, _FOUR_V), PFI),
    "USB-6218": _usb_621x(Inputs(32, 250e3, 250e3, _FOUR_V), PFI[4:8] + PFI[12:]),
    **{
        f"{bus}-{number}": _ao_card("NI 6738 and 6739 Specifications", Outputs(channels, 1e6, 350e3, 20e-6, 0.2))
        for bus in ("PXIe", "PCIe")
        for number, channels in (("6738", 32), ("6739", 64))
    },
    **{
        f"{bus}-6733": _ao_card("NI 6733 Specifications", Outputs(8, 1e6, 740e3, 2.2e-6, 0.1), 20e6)
        for bus in ("PXI", "PCI")
    },
    "NI-9215": _module(Inputs(4, 100e3, 100e3, (10.0,), 16, True, _PAIRS)),
    "NI-9205": _module(Inputs(32, 250e3, 250e3, _FOUR_V)),
    "NI-9201": _module(Inputs(8, 500e3, 500e3, (10.0,), 12, False, ("rse",))),
    "NI-9263": _module(outputs=Outputs(4, 100e3, 100e3, 20e-6, 0.1)),
    "NI-9264": _module(outputs=Outputs(16, 25e3, 25e3, 20e-6, 0.1)),
    **{
        f"NI-{number}": _module(Inputs(4, 50e3, 50e3, (10.0,), 24, True, _PAIRS), refused=_DELTA_SIGMA)
        for number in ("9229", "9234", "9239", "9250", "9251")
    },
}

CHASSIS: Mapping[str, tuple[str, ...]] = {
    "cDAQ-9171": (),
    "cDAQ-9173": (),
    "cDAQ-9174": (),
    "cDAQ-9178": PFI[:2],
    "cDAQ-9179": PFI[:2],
    "cDAQ-9181": (),
    "cDAQ-9184": (),
    "cDAQ-9185": PFI[:1],
    "cDAQ-9188": PFI[:2],
    "cDAQ-9189": PFI[:1],
}
"""Trigger terminals on CompactDAQ chassis. Modules with digital lines have further terminals, which DAQmx knows."""


def find(model: str) -> Model | None:
    """The model to which a name refers; None if it is not in the table.

    A variant in brackets, as in `USB-6363 (BNC)`, is ignored.
    """
    return next((MODELS[name] for name in MODELS if plain_model(name) == plain_model(model)), None)
