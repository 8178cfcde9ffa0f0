"""The comparability card: everything except seeds and goals that must agree for two runs to be comparable."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from labrig.assembly.assembly import Assembly
from labrig.assembly.sections.network import initial_range
from labrig.config.annotations import of_field
from labrig.config.section import Section, part
from labrig.errors import StorageError
from labrig.instruments.data import LevelTable
from labrig.instruments.drivers import ProgrammerCapabilities
from labrig.json_text import json_text
from labrig.learning.rules.exact_adjoint import LABEL
from labrig.learning.updates import within
from labrig.medium import Role, medium_in_use, using
from labrig.rig.rig import Rig


def card(assembly: Assembly, rig: Rig) -> dict[str, Any]:
    """Return the card of a run on an open rig, as plain values; raises StorageError if a data file is unreadable."""
    with using(assembly.network.physics.medium):
        return _card(assembly, rig)


def _card(assembly: Assembly, rig: Rig) -> dict[str, Any]:
    medium, error = medium_in_use(), assembly.learning.error
    carried: Role = "second_flow" if assembly.learning_choice.carrier_class.quantity else "flow"
    low, high = assembly.network.programmable.range
    levels = within(rig.levels[0], low, high)
    coding, split = assembly.choice.shared.get("encode"), assembly.choice.shared.get("split")
    return {
        "task": task_card(assembly),
        "encoding": None if coding is None else _encoding(coding),
        "split": None if split is None else _values(split),
        "network": network_card(assembly),
        "rule": assembly.learning.rule,
        "measurement": None if assembly.learning_choice.rule_class.measures else LABEL,
        **_values(part(assembly.learning, assembly.learning_choice.rule_class.Options)),
        "activation": assembly.learning.activation,
        "carrier": error.carrier,
        f"error_{error.flow_key}_{medium.key(carried)}": error.largest,
        "error_floor": error.floor,
        "tones_hz": list(rig.tones.frequencies_hz),
        "sample_rate_hz": rig.plan.sample_rate_hz,
        "window_samples": rig.plan.window_samples,
        "settle_samples": rig.plan.settle_samples,
        "pilot_v": assembly.acquisition.pilot,
        "digitizer": digitizer_card(assembly, rig),
        "leads": [asdict(lead) for lead in dict.fromkeys(wire.lead for wire in assembly.board.hookup.senses)],
        "sources": sources_card(assembly),
        "levels": len(levels.codes) if isinstance(levels, LevelTable) else "continuous",
        f"range_{medium.key('parameter')}": [low, high],
        "loss": assembly.learning.loss,
        f"temperature_{medium.state_key}": None,
        **_values(assembly.learning_choice.loss_options),
        "batch": assembly.learning.batch,
        "epochs": assembly.learning.epochs,
        "rate": assembly.learning.rate,
        "decay": assembly.learning.decay,
        "update": None if assembly.learning.update == "gradient_descent" else assembly.learning.update,
        **_values(part(assembly.learning, assembly.learning_choice.update_class.Options)),
        "bench": assembly.header.bench,
        "simulation": assembly.simulation.card if assembly.header.bench != "hardware" else None,
    }


def task_card(assembly: Assembly) -> dict[str, Any]:
    """Return the kind and parameters of the task, and the name and SHA-256 of its data file if it has one."""
    choice = assembly.choice
    values = _values(choice.options)
    data = values.get("data")
    if data is not None:
        key, name = (("data",), data) if isinstance(data, str) else (("data", "file"), data["file"])
        file = assembly.document.locate(name, assembly.document.get(choice.place(key))) or Path(name)
        more = {} if isinstance(data, str) else data
        values["data"] = {**more, "file": file.name, "sha256": _sha256(file)}
    return {"kind": choice.name, **values}


def digitizer_card(assembly: Assembly, rig: Rig) -> dict[str, Any]:
    """Return the bits and ranges of the digitizer, and the time from the first to the last channel of a scan."""
    hookup = assembly.board.hookup
    capabilities = assembly.devices[hookup.digitizer].digitizer
    skew_s = rig.plan.skew_s
    if assembly.calibration is not None:  # measured delays differ slightly from the stated ones
        skew_s = capabilities.skew_s(len(rig.plan.channels), rig.plan.sample_rate_hz)
    return {
        "bits": capabilities.bits,
        "ranges_v": sorted(set(rig.plan.ranges_v)),
        "skew_s": max(skew_s, default=0.0),
        **({"aperture_s": capabilities.aperture_s} if capabilities.aperture_s else {}),
    }


def sources_card(assembly: Assembly) -> list[dict[str, Any]]:
    """Return the kinds of sources, each with bits, range, settling time and smallest amplitude."""
    kinds = {}
    for name in assembly.board.hookup.sources:
        able = assembly.devices[name].source
        kinds[able.bits, able.full_scale_v, able.settle_s, able.least_v] = None
    names = ("bits", "range_v", "settle_s", "least_v")
    return [dict(zip(names, kind, strict=True)) for kind in kinds]


def network_card(assembly: Assembly) -> dict[str, Any]:
    """Return the sizes and parts of the network, and a hash of all its elements, values, inputs and outputs."""
    programmable, board = assembly.network.programmable, assembly.board
    network, hookup = board.network, board.hookup
    initial = initial_range(programmable) if assembly.trained is None else assembly.trained.card
    shape = assembly.layout.shape or {"nodes": len(network.nodes)}
    wires = {
        "inputs": [wire.node for wire in hookup.inputs],
        "outputs": [wire.output for wire in hookup.outputs],
        "initial": initial,
    }
    text = json_text({"graph": asdict(network) if is_dataclass(network) else repr(network), **wires}, sort_keys=True)
    return {
        **shape,
        "edges": len(network.edges),
        **network.fixed,
        "parts": sorted({_part(assembly, name) for name in hookup.programmers}),
        "initial_s": initial,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _part(assembly: Assembly, programmer: str) -> str:
    capabilities = assembly.devices[programmer].capabilities
    assert isinstance(capabilities, ProgrammerCapabilities)
    return capabilities.part.name


def _encoding(section: Section) -> dict[str, Any]:
    """Return the encoding, without `unipolar` if it is off: earlier versions of labrig had no such key."""
    values = _values(section)
    return {key: value for key, value in values.items() if key != "unipolar" or value}


def _values(section: Section) -> dict[str, Any]:
    """Return the values of a section as plain data; keys of voltages, or of other states, get the unit as a suffix."""
    values, medium = section.model_dump(), medium_in_use()
    for name, field in type(section).model_fields.items():
        quantity = of_field(field).quantity()
        if quantity is not None and quantity.dimension in ("voltage", medium.state):
            suffix = "v" if quantity.dimension == "voltage" else medium.state_key
            values = {f"{key}_{suffix}" if key == name else key: value for key, value in values.items()}
    return values


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
