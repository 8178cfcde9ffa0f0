"""Other cards than those of iris_wire.yaml: variants, wider converters, chassis, and what DAQmx says about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from labrig_drivers.ni import NiAnalogInput, NiAnalogInputOptions, NiAnalogOutput, NiAnalogOutputOptions
from labrig_drivers.ni.models import MODELS as DRIVER_MODELS
from labrig_drivers.ni.output_options import capabilities as output_capabilities
from nidaqmx.constants import ProductCategory
from nidaqmx.errors import DaqError
from nidaqmx.stream_readers import AnalogUnscaledReader
from wire.daqmx.boards import QUIET, chain, client, plan

from labrig.errors import ConfigError, IdentityMismatch
from labrig.instruments.data import Identity
from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.daqmx import DaqmxServer, VirtualDevice
from labrig.virtual_instruments.daqmx.counterpart import devices
from labrig.virtual_instruments.daqmx.models import MODELS, chassis
from labrig.virtual_instruments.virtual_bench import VirtualBench


@contextmanager
def serving(*boards: VirtualDevice) -> Iterator[int]:
    server = DaqmxServer(VirtualBench(chain(4), QUIET, seed=0), boards)
    try:
        yield server.start()
    finally:
        server.stop()


def board(model: str, **changes: Any) -> VirtualDevice:
    return replace(VirtualDevice.of(model, name="Dev1", instrument="daq"), **changes)


def digitizer(port: int, model: str, **options: Any) -> NiAnalogInput:
    entry = {"driver": "ni.ai", "model": model, "resource": "Dev1", "grpc": f"127.0.0.1:{port}"}
    return NiAnalogInput("daq", NiAnalogInputOptions.model_validate(entry | options))


def source(port: int, model: str, **options: Any) -> NiAnalogOutput:
    entry = {"driver": "ni.ao", "model": model, "resource": "Dev1", "grpc": f"127.0.0.1:{port}"}
    return NiAnalogOutput("awg", NiAnalogOutputOptions.model_validate(entry | options))


@pytest.mark.parametrize("model", sorted(name for name, known in DRIVER_MODELS.items() if not known.refused))
def test_both_tables_say_the_same_about_a_model(model: str) -> None:
    """The driver's table is compared with DAQmx at every `open`; here DAQmx's side is the virtual cards' table."""
    housing = {"chassis": "cDAQ1"} if model.startswith("NI-") else {}
    with serving(chassis("cDAQ-9174", "cDAQ1", "daq"), board(model, **housing)) as port:
        for make, has in ((digitizer, DRIVER_MODELS[model].inputs), (source, DRIVER_MODELS[model].outputs)):
            if has is not None:
                instrument = make(port, model)
                instrument.open()
                assert Identity(model).differing(instrument.identify()) == ()
                instrument.close()
    assert DRIVER_MODELS[model].timebase_hz == MODELS[model].timebase_hz
    starts = DRIVER_MODELS[model].start_outputs
    assert starts is None or set(starts) == set(MODELS[model].start_outputs)
    clocks = DRIVER_MODELS[model].clock_outputs
    assert clocks is None or set(clocks) == set(MODELS[model].clock_outputs)


@pytest.mark.parametrize(
    ("product", "configured"), [("USB-6363 (BNC)", "USB-6363"), ("PCI-6281", "PCI-6281 (Mass Termination)")]
)
def test_a_variant_is_the_same_model(product: str, configured: str) -> None:
    with serving(board(product)) as port:
        instrument = digitizer(port, configured)
        instrument.open()
        assert instrument.identify().model == product
        assert Identity(configured).differing(instrument.identify()) == ()
        instrument.close()


def test_what_daqmx_says_otherwise_is_one_error_with_both_values_and_the_remedy_works() -> None:
    with serving(board("PCI-6221", ai_channels=8, ai_max_multi_rate_hz=200e3, ai_ranges_v=(5.0, 10.0))) as port:
        with pytest.raises(
            IdentityMismatch,
            match=r"differs from what labrig assumes: channels: 8, not 16; multi_rate: 200 kS/s, not 250 kS/s; "
            r"ranges: \[5 V, 10 V\], not \[200 mV, 1 V, 5 V, 10 V\].*"
            r"'card: \{channels: 8, multi_rate: 200 kS/s, ranges: \[5 V, 10 V\]\}' in instruments.daq",
        ):
            digitizer(port, "PCI-6221").open()
        card = {"channels": 8, "multi_rate": "200 kS/s", "ranges": ["5 V", "10 V"]}
        instrument = digitizer(port, "PCI-6221", card=card)
        instrument.open()
        instrument.close()


def test_another_model_is_left_to_its_identity() -> None:
    with serving(board("PCI-6221")) as port:
        instrument = digitizer(port, "PCI-6251")
        instrument.open()
        assert Identity("PCI-6251").differing(instrument.identify()) == ("model",)
        instrument.close()


def test_a_module_in_another_chassis_is_found_out() -> None:
    with serving(chassis("cDAQ-9178", "cDAQ1", "daq"), board("NI-9215", chassis="cDAQ1")) as port:
        with pytest.raises(IdentityMismatch, match="is in a cDAQ-9178, but the configuration names a cDAQ-9174"):
            digitizer(port, "NI-9215", chassis="cDAQ-9174").open()
        instrument = digitizer(port, "NI-9215", chassis="cDAQ-9178", export_start="PFI0")
        instrument.open()
        instrument.configure(plan(2))
        with client(port) as ni:
            assert ni.system.devices["cDAQ1"].product_category is ProductCategory.COMPACT_DAQ_CHASSIS
            assert ni.system.devices["Dev1"].product_type == "NI 9215"
            assert ni.system.devices["Dev1"].compact_daq_chassis_device.name == "cDAQ1"
        instrument.close()


def test_codes_of_more_than_16_bits_are_read_whole() -> None:
    with serving(replace(board("PCI-6281"), ao_instrument="awg")) as port:
        ai, ao = digitizer(port, "PCI-6281", full_scale="1 V"), source(port, "PCI-6281")
        ai.open()
        ao.open()
        ai.configure(plan(2))
        for volts, clips in ((0.5, False), (5.0, True)):
            ao.load({"ao0": ToneProgram(volts)})
            ai.arm()
            ai.start()
            blocks = [ai.read(2.0), ai.read(2.0)]
            assert blocks[0].codes.dtype == np.int32
            assert blocks[-1].overrange.tolist() == [clips, False]
            assert clips or 2**15 < blocks[-1].codes[-1, 0] < 2**17
        with client(port) as ni, ni.task() as task:
            ai.close()
            task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
            with pytest.raises(DaqError) as caught:
                AnalogUnscaledReader(task.in_stream).read_int16(np.zeros((1, 1), np.int16), 1)
            assert caught.value.error_code == -200789
        ao.close()


def test_simultaneous_inputs_have_no_skew_and_their_full_rate() -> None:
    with serving(board("USB-6366")) as port:
        ai = digitizer(port, "USB-6366")
        ai.open()
        actual = ai.configure(plan(4, rate_hz=1e6))
        assert actual.sample_rate_hz == 1e6
        assert actual.skew_s == (0.0,) * 4
        ai.close()


def test_a_timebase_that_is_not_the_cards_is_found_when_tones_are_armed() -> None:
    """100 MHz / 1351 is no divided 20 MHz, so the tones would have other frequencies than planned."""
    with serving(board("PCI-6221")) as port:
        ao = source(port, "PCI-6221", update_rate="74 kS/s", card={"timebase": "100 MHz"})
        ao.open()
        rate_hz = 100e6 / 1351
        ao.load({"ao0": ToneProgram(0.0, (Tone(rate_hz / 500, 0.5),))})
        with pytest.raises(ConfigError, match=r"plays .* S/s, not 74019.2450 S/s|plays 74074.0741 S/s, not 74019.245"):
            ao.arm()
        ao.close()


@pytest.mark.parametrize(
    ("model", "full_scale", "card", "gain", "zero_v"),
    [
        ("PCI-6221", "10 V", {}, 150e-6, 1.53e-3),
        ("PCI-6221", "0.2 V", {}, 210e-6, 66.2e-6),
        ("PCI-6221", "10 V", {"gain_error": "20 ppm"}, 20e-6, 1.53e-3),
        ("PCI-6251", "10 V", {}, 0.0, 0.0),
        ("PCI-6251", "10 V", {"gain_error": "60 ppm", "zero_error": "0.8 mV"}, 60e-6, 0.8e-3),
    ],
)
def test_the_plan_carries_the_accuracy_that_is_stated(
    model: str, full_scale: str, card: dict[str, str], gain: float, zero_v: float
) -> None:
    with serving(board(model)) as port:
        ai = digitizer(port, model, full_scale=full_scale, **({"card": card} if card else {}))
        ai.open()
        actual = ai.configure(plan(2))
        assert actual.u_gain == pytest.approx(gain / 3**0.5)
        assert actual.u_offset_v == pytest.approx(zero_v / 3**0.5, rel=1e-3)
        ai.close()


TWELVE_BITS = {"channels": 4, "bits": 12, "single_rate": "100 kS/s", "all_rate": "100 kS/s", "full_scale": "10 V"}


def test_outputs_of_twelve_bits_play_several_tones() -> None:
    """The virtual card has the steps that `card:` says, so it recognises samples that are rounded to them."""
    known = {"model": "PCI-9999", "resource": "Dev1", "serial": "1", "settle": "9 µs", "output_resistance": "1 Ω"}
    card = {**TWELVE_BITS, "timebase": "20 MHz"}
    options = NiAnalogOutputOptions.model_validate({"driver": "ni.ao", **known, "card": card})
    entry = Entry("awg", "PCI-9999", output_capabilities(options), options.model_dump())
    with devices(VirtualBench(chain(4), QUIET, seed=0), [entry]) as (endpoint,):
        ao = NiAnalogOutput("awg", options.model_copy(update=dict(endpoint.overrides)))
        ao.open()
        ao.load({"ao0": ToneProgram(0.0, tuple(Tone(hertz, 0.3) for hertz in (1250.0, 1500.0, 2000.0)))})
        ao.arm()
        ao.close()


@pytest.mark.parametrize(("card", "largest"), [({}, 0.0), ({"gain_error": "150 ppm"}, 150e-6)])
def test_a_source_states_the_accuracy_of_its_card(card: dict[str, str], largest: float) -> None:
    ao = source(1, "PCI-6221", **({"card": card} if card else {}))
    assert ao.accuracy().u_gain == pytest.approx(largest / 3**0.5)
    assert ao.accuracy().u_tone_v == 0.0
