"""The boards that can be virtual, with facts about each model from DAQmx and from its data sheet.

The rates that DAQmx reports for PCI-6251, PCI-6733, PCIe-6343, PCIe-6363, PXIe-6361, PCIe-6738, USB-6229 and USB-6366
were read from real boards by labscript-devices; the banks of a 6738 are from issue 91 of that project. All other facts
are from the documents named in `source`, some of them from memory, as listed in tests/wire/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nidaqmx.constants import ProductCategory

from labrig.instruments.data import plain_model

PFI = tuple(f"PFI{k}" for k in range(16))
RTSI = tuple(f"RTSI{k}" for k in range(8))
PXI_TRIG = tuple(f"PXI_Trig{k}" for k in range(8))

WIDE_V = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
FOUR_V = (0.2, 1.0, 5.0, 10.0)


@dataclass(frozen=True)
class VirtualDevice:
    """One board.

    Attributes
    ----------
    name
        Name as in NI MAX ("PXI1Slot4").
    model
        Product type that it reports.
    instrument
        Its configuration entry, used in the wiring ("daq/ai0").
    ao_instrument
        The entry of its outputs, if this is another entry.
    serial
        Serial number (32 bits).
    ai_channels, ao_channels
        Number of channels.
    ai_max_single_rate_hz, ai_max_multi_rate_hz
        Highest sample rates that DAQmx reports (S/s): of a single channel, and of several channels (per channel if each
        has its own converter, otherwise in total).
    ao_max_rate_hz
        Highest update rate that DAQmx reports, that of one channel (S/s).
    ao_rates_hz
        Highest update rate by the number of channels in a task (S/s); the last one holds for more channels.
    ao_bank
        Number of neighbouring outputs that share a converter; `ao_rates_hz` then counts the channels in one bank.
    simultaneous
        Whether each input has its own converter.
    single_ended
        Whether inputs can be wired single-ended; otherwise each input is a differential pair.
    bits, ao_bits
        Resolution of the inputs and of the outputs.
    ai_ranges_v, ao_full_scale_v
        Ranges (± V).
    ao_settle_s
        Delay from an update of an output to its effect on the network (s).
    timebase_hz
        Timebase (Hz); sample clocks are its frequency divided by integers.
    clock_inputs
        Whether it can be locked to a reference clock.
    clock_outputs, start_outputs
        Terminals that can output its 10 MHz clock, and its start triggers.
    chassis
        Name of the CompactDAQ chassis of a module; "" for other boards.
    category
        Product category that DAQmx reports.
    source
        Data sheets from which the values were taken.
    sample_clock
        Terminal with an external sample clock, according to the configuration, at the rate set by the task; "" if
        there is none.
    on_demand_done
        Whether a running task without a sample clock counts as done, as NI's component test shows for inputs.
    """

    name: str
    model: str
    instrument: str
    serial: int = 0x01ABCDEF
    ai_channels: int = 0
    ao_channels: int = 0
    ai_max_single_rate_hz: float = 0.0
    ai_max_multi_rate_hz: float = 0.0
    ao_max_rate_hz: float = 0.0
    ao_rates_hz: tuple[float, ...] = ()
    ao_bank: int = 0
    simultaneous: bool = False
    single_ended: bool = True
    bits: int = 16
    ai_ranges_v: tuple[float, ...] = WIDE_V
    ao_full_scale_v: float = 10.0
    ao_bits: int = 16
    ao_settle_s: float = 20e-6
    timebase_hz: float = 100e6
    clock_inputs: bool = True
    clock_outputs: tuple[str, ...] = ()
    start_outputs: tuple[str, ...] = ()
    chassis: str = ""
    category: ProductCategory = ProductCategory.X_SERIES_DAQ
    source: str = ""
    ao_instrument: str = ""
    sample_clock: str = ""
    on_demand_done: bool = True

    @classmethod
    def of(
        cls, model: str, *, name: str, instrument: str, serial: int = 0x01ABCDEF, sample_clock: str = ""
    ) -> VirtualDevice:
        """A board with the data sheet values of a model or a variant ("USB-6363 (BNC)"). Raises KeyError if unknown."""
        known = MODELS[plain(model)]
        return replace(known, name=name, model=model, instrument=instrument, serial=serial, sample_clock=sample_clock)

    @property
    def convert_interval_s(self) -> float:
        """Shortest delay between successive channels of a scan (s); 0 for simultaneous sampling."""
        return 0.0 if self.simultaneous or not self.ai_channels else 1 / self.ai_max_multi_rate_hz

    def ao_most_hz(self, channels: tuple[str, ...]) -> float:
        """Highest update rate (S/s) of a task with these outputs."""
        count = len(channels)
        if self.ao_bank:
            banks = [int(channel[2:]) // self.ao_bank for channel in channels]
            count = max(banks.count(bank) for bank in banks)
        return self.ao_rates_hz[min(count, len(self.ao_rates_hz)) - 1]


def plain(model: str) -> str:
    """Return the name of a model as in MODELS; an unknown name is returned without a variant in brackets."""
    same = (known for known in MODELS if plain_model(known) == plain_model(model))
    return next(same, model.partition("(")[0].strip().replace("NI ", "NI-", 1))


def _series(numbers: Mapping[str, dict], *buses: str, source: str, **common) -> dict[str, VirtualDevice]:
    """Return the boards of a series on some buses; PXI boards have trigger lines instead of RTSI, USB boards none."""
    boards = {}
    for bus in buses:
        lines = {"USB": (), "PCI": RTSI, "PCIe": RTSI}.get(bus, PXI_TRIG)
        for number, own in numbers.items():
            values = {"start_outputs": PFI + lines, **common, **own}
            if "clock_outputs" not in values:
                values["clock_outputs"] = PFI + lines
            boards[f"{bus}-{number}"] = VirtualDevice("", "", "", source=source, **values)
    return boards


_X_AO = {"ao_max_rate_hz": 100e6 / 35, "ao_rates_hz": (100e6 / 35, 2.0e6, 1.54e6, 1.25e6), "ao_settle_s": 2e-6}
_LOW_AO = {"ao_max_rate_hz": 100e6 / 109, "ao_rates_hz": (100e6 / 109, 840e3, 775e3, 719e3), "ao_settle_s": 6e-6}
_M_LOW_AO = {"ao_max_rate_hz": 20e6 / 24, "ao_rates_hz": (20e6 / 24, 740e3, 666e3, 625e3), "ao_settle_s": 6e-6}
_M_AO = {"ao_max_rate_hz": 20e6 / 7, "ao_rates_hz": (20e6 / 7, 2.0e6, 1.54e6, 1.25e6), "ao_settle_s": 2e-6}
_USB_AO = {"ao_max_rate_hz": 250e3, "ao_rates_hz": (250e3,), "ao_settle_s": 32e-6}


def _ai(channels: int, single_hz: float, multi_hz: float, ranges_v: tuple[float, ...]) -> dict:
    return {
        "ai_channels": channels,
        "ai_max_single_rate_hz": single_hz,
        "ai_max_multi_rate_hz": multi_hz,
        "ai_ranges_v": ranges_v,
    }


_ONE_EACH = {"simultaneous": True, "single_ended": False}

MODELS: Mapping[str, VirtualDevice] = {
    **_series(
        {
            "6321": {**_ai(16, 250e3, 250e3, FOUR_V), "ao_channels": 2, **_LOW_AO},
            "6323": {**_ai(32, 250e3, 250e3, FOUR_V), "ao_channels": 4, **_LOW_AO},
            "6341": {**_ai(16, 500e3, 500e3, FOUR_V), "ao_channels": 2, **_LOW_AO},
            "6343": {**_ai(32, 500e3, 500e3, FOUR_V), "ao_channels": 4, **_LOW_AO},
            "6351": {**_ai(16, 1.25e6, 1e6, WIDE_V), "ao_channels": 2, **_X_AO},
            "6353": {**_ai(32, 1.25e6, 1e6, WIDE_V), "ao_channels": 4, **_X_AO},
            "6361": {**_ai(16, 2e6, 1e6, WIDE_V), "ao_channels": 2, **_X_AO},
            "6363": {**_ai(32, 2e6, 1e6, WIDE_V), "ao_channels": 4, **_X_AO},
            "6356": {**_ai(8, 1.25e6, 1.25e6, (1.0, 2.0, 5.0, 10.0)), "ao_channels": 2, **_ONE_EACH}
            | {"ao_max_rate_hz": 10e6 / 3, "ao_rates_hz": (10e6 / 3,), "ao_settle_s": 2e-6},
            "6366": {**_ai(8, 2e6, 2e6, (1.0, 2.0, 5.0, 10.0)), "ao_channels": 2, **_ONE_EACH}
            | {"ao_max_rate_hz": 10e6 / 3, "ao_rates_hz": (10e6 / 3,), "ao_settle_s": 2e-6},
        },
        "PXIe",
        "PCIe",
        "USB",
        source="NI 632x, 634x, 6351/6353, 6361/6363, 6356/6358, 6366/6368 Specifications; X Series User Manual",
    ),
    **{
        model: board
        for bus, lines in (("PCI", RTSI), ("PCIe", RTSI), ("PXI", PXI_TRIG), ("USB", ()))
        for model, board in _series(
            {
                "6221": {**_ai(16, 250e3, 250e3, FOUR_V), "ao_channels": 2, **_M_LOW_AO},
                "6229": {**_ai(32, 250e3, 250e3, FOUR_V), "ao_channels": 4, **_M_LOW_AO},
                "6251": {**_ai(16, 1.25e6, 1e6, WIDE_V), "ao_channels": 2, **_M_AO},
                "6259": {**_ai(32, 1.25e6, 1e6, WIDE_V), "ao_channels": 4, **_M_AO},
                "6281": {**_ai(16, 625e3, 500e3, WIDE_V), "ao_channels": 2, "bits": 18, **_M_AO},
                "6289": {**_ai(32, 625e3, 500e3, WIDE_V), "ao_channels": 4, "bits": 18, **_M_AO},
            },
            bus,
            source="NI 622x, 625x and 628x Specifications; M Series User Manual",
            timebase_hz=20e6,
            clock_outputs=lines,
            clock_inputs=True,
            category=ProductCategory.M_SERIES_DAQ,
        ).items()
    },
    **_series(
        {
            "6210": _ai(16, 250e3, 250e3, FOUR_V),
            "6211": {**_ai(16, 250e3, 250e3, FOUR_V), "ao_channels": 2, **_USB_AO},
            "6212": {**_ai(16, 400e3, 400e3, FOUR_V), "ao_channels": 2, **_USB_AO, "start_outputs": PFI},
            "6215": {**_ai(16, 250e3, 250e3, FOUR_V), "ao_channels": 2, **_USB_AO},
            "6216": {**_ai(16, 400e3, 400e3, FOUR_V), "ao_channels": 2, **_USB_AO, "start_outputs": PFI},
            "6218": {
                **_ai(32, 250e3, 250e3, FOUR_V),
                "ao_channels": 2,
                **_USB_AO,
                "start_outputs": PFI[4:8] + PFI[12:],
            },
        },
        "USB",
        source="NI USB-621x Specifications and User Manual",
        timebase_hz=20e6,
        clock_inputs=False,
        clock_outputs=(),
        start_outputs=PFI[4:8],
        category=ProductCategory.M_SERIES_DAQ,
    ),
    **_series(
        {
            "6738": {"ao_channels": 32},
            "6739": {"ao_channels": 64},
        },
        "PXIe",
        "PCIe",
        source="NI 6738 and 6739 Specifications",
        ao_max_rate_hz=1e6,
        ao_rates_hz=(1e6, 350e3),
        ao_bank=4,
        ao_settle_s=20e-6,
        category=ProductCategory.AO_SERIES,
    ),
    **_series(
        {"6733": {"ao_channels": 8}},
        "PXI",
        "PCI",
        source="NI 6733 Specifications",
        timebase_hz=20e6,
        ao_max_rate_hz=1e6,
        ao_rates_hz=(1e6, 1e6, 1e6, 1e6, 1e6, 952e3, 833e3, 740e3),
        ao_settle_s=2.2e-6,
        category=ProductCategory.AO_SERIES,
    ),
    **_series(
        {
            "9215": {**_ai(4, 100e3, 100e3, (10.0,)), **_ONE_EACH},
            "9205": _ai(32, 250e3, 250e3, FOUR_V),
            "9201": {**_ai(8, 500e3, 500e3, (10.0,)), "bits": 12},
            "9263": {"ao_channels": 4, "ao_max_rate_hz": 100e3, "ao_rates_hz": (100e3,)},
            "9264": {"ao_channels": 16, "ao_max_rate_hz": 25e3, "ao_rates_hz": (25e3,)},
        },
        "NI",
        source="Data sheets of the C Series modules; NI cDAQ-9178/9174 User Guide and Specifications",
        timebase_hz=80e6,
        clock_inputs=False,
        clock_outputs=(),
        start_outputs=(),
        category=ProductCategory.C_SERIES_MODULE,
    ),
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
"""The trigger terminals of each chassis itself (NI's data sheets)."""


def chassis(model: str, name: str, instrument: str) -> VirtualDevice:
    """A CompactDAQ chassis; KeyError for an unknown model."""
    return VirtualDevice(
        name,
        model,
        instrument,
        timebase_hz=80e6,
        clock_inputs=False,
        start_outputs=CHASSIS[model],
        category=ProductCategory.COMPACT_DAQ_CHASSIS,
    )
