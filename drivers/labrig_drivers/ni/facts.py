"""Facts about a device: from the table of models, from `card:` in the configuration, and as DAQmx reports them.

`check` and `plan` use the first two. When the device is opened, DAQmx's answers are compared with them: a difference is
an error that names both values and the line that corrects it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from labrig.instruments.data import plain_model
from labrig.quantities import Count, PositiveFrequency, PositiveSampleRate, PositiveVoltage, Ratio, format_quantity
from labrig_drivers.ni.models import ALL, MODELS, Accuracy, Inputs, Model, Outputs, Terminal, find

SAME = 0.01
"""Values that differ by less than this fraction count as equal, because data sheets give rounded rates."""


class _Facts(BaseModel):
    """The facts in `card:`; facts that are missing there are taken from the table of models."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    channels: Count | None = None
    bits: Count | None = None
    single_rate: PositiveSampleRate | None = None
    timebase: PositiveFrequency | None = None


class InputFacts(_Facts):
    """`card:` of `ni.ai`.

    Attributes
    ----------
    single_rate, multi_rate
        Highest sample rates (S/s): of a single channel, and of several channels (per channel if they are sampled
        simultaneously, otherwise in total).
    ranges
        Input ranges (± V).
    simultaneous
        Whether each channel has its own converter.
    terminals
        Possible wirings, the default first.
    gain_error, zero_error
        Largest relative error of the reading, and largest error of the zero (V), in the range that is used, from the
        data sheet or a calibration.
    """

    multi_rate: PositiveSampleRate | None = None
    ranges: list[PositiveVoltage] | None = None
    simultaneous: bool | None = None
    terminals: list[Terminal] | None = None
    gain_error: Ratio | None = None
    zero_error: PositiveVoltage | None = None


class OutputFacts(_Facts):
    """`card:` of `ni.ao`.

    Attributes
    ----------
    single_rate, all_rate
        Highest update rates (S/s): of one channel alone; of all channels in one task.
    full_scale
        Range (± V).
    gain_error
        Largest relative error of the output, from the data sheet or a calibration.
    """

    all_rate: PositiveSampleRate | None = None
    full_scale: PositiveVoltage | None = None
    gain_error: Ratio | None = None


@dataclass(frozen=True)
class Fact:
    """One fact: its key in `card:`, the value that DAQmx reports, and the value that labrig assumes."""

    key: str
    found: Any
    assumed: Any
    dimension: str = ""

    @property
    def differs(self) -> bool:
        """Whether the values are not the same."""
        if isinstance(self.found, tuple):
            pairs = zip(self.found, self.assumed, strict=False)
            return len(self.found) != len(self.assumed) or not all(math.isclose(*each, rel_tol=SAME) for each in pairs)
        return self.found != self.assumed and not math.isclose(self.found, self.assumed, rel_tol=SAME)

    def written(self, value: Any) -> str:
        """Return a value as written in the configuration."""
        if isinstance(value, tuple):
            return f"[{', '.join(self.written(each) for each in value)}]"
        return format_quantity(value, self.dimension) if self.dimension else str(value).lower()


def input_model(driver: str, name: str | None, card: InputFacts | None) -> tuple[Model, Inputs]:
    """The model of a digitizer and its inputs; raises ValueError if they are not known."""
    model = _model(driver, name, card)
    inputs = model.inputs
    if inputs is None and card is None:
        raise ValueError(f"model: {name} has no analog inputs; it can only be a source (driver: ni.ao)")
    given = _given(card, {"single_rate": "single_hz", "multi_rate": "multi_hz", "ranges": "ranges_v"})
    if inputs is None:
        _require(name, card, ("channels", "single_rate", "multi_rate", "ranges", "bits", "simultaneous"))
        terminals = given.pop("terminals", ALL)
        inputs = Inputs(**given, terminals=terminals)
    return _timed(model, card), replace(inputs, **given)


def accuracy(inputs: Inputs, full_scale_v: float, card: InputFacts | None) -> Accuracy:
    """Largest errors in a range, from `card:` or else from the table; 0 for errors that neither states."""
    known = inputs.accuracy.get(full_scale_v, Accuracy(0.0, 0.0))
    gain = card.gain_error if card is not None and card.gain_error is not None else known.gain
    zero_v = card.zero_error if card is not None and card.zero_error is not None else known.zero_v
    return Accuracy(gain, zero_v)


def output_model(driver: str, name: str | None, card: OutputFacts | None) -> tuple[Model, Outputs]:
    """The model of a source and its outputs; raises ValueError if they are not known."""
    model = _model(driver, name, card)
    outputs = model.outputs
    if outputs is None and card is None:
        raise ValueError(f"model: {name} has no analog outputs; use another instrument as the source")
    given = _given(card, {"single_rate": "single_hz", "all_rate": "all_hz", "full_scale": "full_scale_v"})
    if outputs is None:
        _require(name, card, ("channels", "single_rate", "all_rate", "full_scale", "bits"))
        outputs = Outputs(**given, settle_s=None, output_ohm=None)
    return _timed(model, card), replace(outputs, **given)


def input_facts(device: Any, inputs: Inputs) -> list[Fact]:
    """Facts about the inputs of a device, as reported by DAQmx and as assumed by labrig."""
    return _told(
        ("channels", lambda: len(device.ai_physical_chans), inputs.channels, ""),
        ("simultaneous", lambda: bool(device.ai_simultaneous_sampling_supported), inputs.simultaneous, ""),
        ("single_rate", lambda: device.ai_max_single_chan_rate, inputs.single_hz, "sample_rate"),
        ("multi_rate", lambda: device.ai_max_multi_chan_rate, inputs.multi_hz, "sample_rate"),
        ("ranges", lambda: _symmetric(device.ai_voltage_rngs), tuple(sorted(inputs.ranges_v)), "voltage"),
    )


def output_facts(device: Any, outputs: Outputs) -> list[Fact]:
    """Facts about the outputs of a device, as reported by DAQmx and as assumed by labrig."""
    return _told(
        ("channels", lambda: len(device.ao_physical_chans), outputs.channels, ""),
        ("single_rate", lambda: device.ao_max_rate, outputs.single_hz, "sample_rate"),
        (
            "full_scale",
            lambda: max(_symmetric(device.ao_voltage_rngs), default=0.0),
            outputs.full_scale_v,
            "voltage",
        ),
    )


def _told(*questions: tuple[str, Callable[[], Any], Any, str]) -> list[Fact]:
    """The facts that DAQmx reports; it does not have every property for every device."""
    from nidaqmx.error_codes import DAQmxErrors
    from nidaqmx.errors import DaqError

    facts = []
    for key, ask, assumed, dimension in questions:
        try:
            facts.append(Fact(key, ask(), assumed, dimension))
        except DaqError as error:
            if error.error_code != DAQmxErrors.ATTR_NOT_SUPPORTED:
                raise
    return facts


def _symmetric(limits_v: Sequence[float]) -> tuple[float, ...]:
    """The symmetric ranges (± V) of a list of lower and upper limits (V), the narrowest first."""
    pairs = zip(limits_v[::2], limits_v[1::2], strict=True)
    return tuple(sorted(high for low, high in pairs if low == -high))


def _model(driver: str, name: str | None, card: _Facts | None) -> Model:
    if name is None:
        raise ValueError("model: this key is missing; `labrig drivers` lists the supported models")
    model = find(name)
    if model is None:
        if card is None:
            raise ValueError(
                f"model: {driver} does not support {name!r} by itself; {_misspelt(name)}`labrig drivers` lists the "
                "models it knows, and `card:` describes others"
            )
        module = re.fullmatch(r"9\d{3}", plain_model(name)) is not None
        return Model("described in the configuration", module=module)
    if model.refused:
        raise ValueError(f"model: labrig cannot use {name}: {model.refused}")
    return model


def _misspelt(name: str) -> str:
    """Suggest a model whose name differs in one character; a model with another number is another product."""
    known = {plain_model(each): each for each in MODELS}
    close = difflib.get_close_matches(plain_model(name), known, 1, 0.85)
    return f"did you mean {known[close[0]]}? " if close else ""


def _given(card: _Facts | None, names: Mapping[str, str]) -> dict[str, Any]:
    """The facts given in `card:`, by their names in the table."""
    if card is None:
        return {}
    apart = ("timebase", "gain_error", "zero_error")
    given = {names.get(key, key): value for key, value in card if value is not None and key not in apart}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def _require(name: str | None, card: _Facts | None, keys: Sequence[str]) -> None:
    missing = [key for key in keys if getattr(card, key, None) is None]
    if missing:
        raise ValueError(f"card: {name} is not in labrig's table of models, so it also needs {', '.join(missing)}")


def _timed(model: Model, card: _Facts | None) -> Model:
    return model if card is None or card.timebase is None else replace(model, timebase_hz=card.timebase)
