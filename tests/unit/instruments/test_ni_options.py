"""Entries of NI devices that cannot be meant, and what doctor says of the devices that the driver lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from labrig_drivers.ni import machine
from labrig_drivers.ni.analog_input import NiAnalogInput
from labrig_drivers.ni.input_options import NiAnalogInputOptions
from nidaqmx.errors import DaqError
from nidaqmx.system import System
from pydantic import ValidationError


def entry(**changed: Any) -> NiAnalogInputOptions:
    given = {"driver": "ni.ai", "model": "PXIe-6363", "resource": "PXI1Slot4", "full_scale": "2 V"}
    return NiAnalogInputOptions.model_validate(given | changed)


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        ("/PXI1Slot4/ai/StartTrigger", "is a terminal or a channel; write the name of the device, 'PXI1Slot4'"),
        ("PXI1Slot4/ai0", "write the name of the device, 'PXI1Slot4'"),
        ("cDAQ1/Mod1", "write the name of the device, 'cDAQ1Mod1'"),
        ("PXI1:Slot4", "is not a device name; write it as NI MAX shows it, e.g. 'PXI1Slot4' or 'Dev1'"),
    ],
)
def test_what_is_no_device_is_refused(resource: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        entry(resource=resource)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"chassis": "cDAQ-9174"}, "chassis: PXIe-6363 is not a module of a CompactDAQ chassis"),
        ({"export_start": "/PXI1Slot4/PFI99"}, "export_start: PXIe-6363 can output this signal only at "),
        ({"max_sample_rate": "3 MS/s"}, "max_sample_rate: PXIe-6363 samples at up to 2e+06 S/s"),
    ],
)
def test_what_the_model_cannot_do_is_refused(option: dict[str, str], says: str) -> None:
    from labrig_drivers.ni.input_options import capabilities

    assert capabilities(entry()).bits == 16
    with pytest.raises((ValueError, ValidationError)) as caught:
        capabilities(entry(**option))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("resource", "chassis", "says"),
    [
        (
            "cDAQ1",
            "cDAQ-9174",
            "resource: 'cDAQ1' is the name of a chassis; write the name of the module in it, e.g. 'cDAQ1Mod1'",
        ),
        ("cDAQ9188-1A2B3C", None, "is the name of a chassis"),
        ("cDAQ1Mod9", "cDAQ-9174", "resource: 'cDAQ1Mod9' does not exist: a cDAQ-9174 has slots 1 to 4"),
        ("cDAQ1Mod2", "cDAQ-9171", "a cDAQ-9171 has one slot"),
        ("cDAQ1Mod0", None, "slots are numbered from 1"),
    ],
)
def test_a_module_is_in_a_slot_of_its_chassis(resource: str, chassis: str | None, says: str) -> None:
    from labrig_drivers.ni.input_options import capabilities

    assert capabilities(entry(model="NI-9215", resource="cDAQ1Mod4", chassis="cDAQ-9174", full_scale="10 V")).bits == 16
    assert capabilities(entry(model="NI-9215", resource="renamed", full_scale="10 V")).bits == 16
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        capabilities(entry(model="NI-9215", resource=resource, chassis=chassis, full_scale="10 V"))
    assert says in str(caught.value)


@pytest.mark.parametrize(("model", "hint"), [("USB-6008", ""), ("PXI-6363", "did you mean PXIe-6363? ")])
def test_a_model_of_another_number_is_not_a_slip_of_the_pen(model: str, hint: str) -> None:
    from labrig_drivers.ni.input_options import capabilities

    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        capabilities(entry(model=model, resource="Dev1"))
    assert f"by itself; {hint}`labrig drivers` lists" in str(caught.value)


def test_before_it_is_opened_there_is_nothing_to_do() -> None:
    card = NiAnalogInput("daq", entry())
    card.make_safe()
    card.close()


def listed(monkeypatch: pytest.MonkeyPatch, devices: Any) -> list[tuple[str, str]]:
    monkeypatch.setattr(System, "local", lambda: devices)
    return [(finding.state, finding.detail) for finding in machine.devices()]


def test_devices_of_the_machine_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="PXI1Slot4", product_type="PXIe-6363")
    assert listed(monkeypatch, SimpleNamespace(devices=[card])) == [("ok", "PXI1Slot4: PXIe-6363")]
    assert listed(monkeypatch, SimpleNamespace(devices=[])) == [("missing", "no device")]

    class Broken:
        @property
        def devices(self) -> Any:
            raise DaqError("Services are\n not running.\n\nStatus Code: -50405", -50405)

    assert listed(monkeypatch, Broken()) == [("warning", "Services are not running.")]
