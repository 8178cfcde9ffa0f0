"""Checks a configuration in stages and reports all problems at once.

A stage is a function of the document and of the products of earlier stages, which its parameters name. It returns its
product, or None if there are problems. A stage is skipped if a product that it needs is missing, and a message names
the skipped checks. A product whose parameter has a default is optional.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from labrig.assembly import concerns
from labrig.assembly.assembly import Assembly
from labrig.assembly.auto import RATE, Auto, auto_of, provisional
from labrig.assembly.effective import effective
from labrig.assembly.sections import (
    acquisition,
    calibration,
    coupling,
    error,
    instruments,
    judge,
    limits,
    network,
    power,
    programmers,
    simulation,
    task,
    timing,
    trained,
    wiring,
)
from labrig.assembly.sections.faults import Faults
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.learning import LearningChoice, check_twin, read_learning, without_inherited
from labrig.assembly.sections.miswired import read_miswired
from labrig.assembly.sections.storage import Storage
from labrig.assembly.sections.wiring_patterns import expand_patterns
from labrig.config.document import Document
from labrig.config.extending import load_document
from labrig.config.problems import Problems, TreePath, render_path
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.extensions import search_beside
from labrig.medium import medium_in_use, using
from labrig.rig.limits import Limits


@dataclass(frozen=True)
class Stage:
    """One check.

    Parameters
    ----------
    product : str
        Name of its result, for later stages.
    run : callable
        Called with the document and the products that its parameters name.
    subject : str
        Name of the check in the list of skipped checks; empty if the name of another stage covers it.
    """

    product: str
    run: Callable[..., Any]
    subject: str = ""

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Products that the stage cannot run without."""
        return tuple(p.name for p in self._inputs if p.default is p.empty)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """All products that the stage takes."""
        return tuple(p.name for p in self._inputs)

    @property
    def _inputs(self) -> list[inspect.Parameter]:
        return [p for p in inspect.signature(self.run).parameters.values() if p.name != "document"]


def _section(name: str, model: type[Section], *, optional: bool = False) -> Callable[[Document], Section | None]:
    """Return the function that validates one section by itself; a missing section is reported with the header."""

    def read(document: Document) -> Section | None:
        there = optional or document.get((name,)) is not None
        return validate(document, (name,), model) if there else None

    return read


STAGES: Sequence[Stage] = (
    Stage("header", lambda document: validate(document, (), Header)),
    Stage("network", network.read_network),
    Stage("choice", task.read_choice),
    Stage("learning", read_learning),
    Stage("acquisition", _section("acquisition", acquisition.Acquisition)),
    Stage("synchronization", _section("timing", timing.Timing, optional=True)),
    Stage("limits", _section("limits", limits.Limits, optional=True)),
    Stage("storage", _section("storage", Storage, optional=True)),
    Stage("fault_policy", _section("faults", Faults, optional=True)),
    Stage("simulation", simulation.read_simulation),
    Stage("devices", instruments.read_devices),
    Stage("power", power.read_power),
    Stage("programmers", programmers.read_programmers),
    Stage("bench_checked", instruments.check_bench),
    Stage("layout", network.read_layout),
    Stage("carrier_checked", error.check_carrier),
    Stage("slope_checked", error.check_slope),
    Stage("expanded", expand_patterns),
    Stage("wiring_written", wiring.is_written),
    Stage("board", wiring.read_board, subject="wiring"),
    Stage("judge", judge.read_judge),
    Stage("calibration", calibration.read_calibration),
    Stage("tones", acquisition.read_tones),
    Stage("faults", simulation.read_faults),
    Stage("miswired", read_miswired),
    Stage("range_checked", network.check_range),
    Stage("trained", trained.read_trained),
    Stage("examples", task.read_examples, subject="examples of the task"),
    Stage("task", task.read_task, subject="whether the task fits the board"),
    Stage("loss", task.read_loss),
    Stage("twin_checked", check_twin),
    Stage("acquisition_timing", acquisition.read_timing, subject="timing"),
    Stage("coupling_checked", coupling.check_coupling),
    Stage("synchronization_checked", timing.check_clock_and_trigger),
    Stage("drive_checked", limits.check_drive, subject="limits"),
    Stage("error_checked", error.check_error),
    Stage("aperture_checked", error.check_aperture),
    Stage("compliance_checked", error.check_compliance),
    Stage("pilot_checked", acquisition.check_pilot),
    Stage("least_drive_checked", task.check_least_drive),
)
"""The stages in order; each may rely on the checks of earlier ones."""


def assemble(path: Path, overrides: Sequence[str] = ()) -> Assembly:
    """Read, check and assemble a configuration.

    Parameters
    ----------
    path : Path
        The file; a relative path is also looked up among the packaged configurations.
    overrides : sequence of str
        Overrides as for --set, e.g. "learning.rate=0.1".

    Raises
    ------
    ConfigProblems
        With every problem found.
    ConfigError
        If the file cannot be read.
    UsageError
        If an override is malformed.
    """
    document = load_document(path, packaged=packaged_configs(), overrides=overrides)
    assembly = check(document)
    document.problems.raise_if_any()
    assert assembly is not None
    return assembly


def check(document: Document) -> Assembly | None:
    """Report every problem of a document; return the assembly, or None if there are problems."""
    if document.broken:
        return None
    search_beside(document.directory)
    document = without_inherited(document)
    with using(network.medium_of(document)):
        auto = auto_of(document)
        if not auto.keys:
            return _checked(document)
        return _checked_with(auto, {})


def reassembled(assembly: Assembly, values: Mapping[TreePath, float | str]) -> Assembly:
    """Return the assembly of the same configuration with these values instead of `auto`.

    A key that is `auto` and has none of these values keeps its provisional one.

    Raises
    ------
    ConfigProblems
        If the configuration has problems with these values.
    """
    assert assembly.auto is not None
    with using(assembly.network.physics.medium):
        found = _checked_with(assembly.auto, values)
    assembly.auto.document.problems.raise_if_any()
    assert found is not None
    return found


def _checked_with(auto: Auto, values: Mapping[TreePath, float | str]) -> Assembly | None:
    """Check a configuration with these values instead of `auto`, and provisional values for the other keys."""
    board = task = initial = None
    if set(auto.keys) - set(values) - {RATE}:  # these keys have provisional values that depend on the board
        rough = replace(auto.with_values({**provisional(auto, None, None, None), **values}), problems=Problems())
        products, _, _ = _products(rough)
        board, task, header = products.get("board"), products.get("task"), products.get("header")
        if board is not None and header is not None:
            initial = network.initial_conductances(products["network"], len(board.hookup.edges), header.seed)
    assembly = _checked(auto.with_values({**provisional(auto, board, task, initial), **values}))
    if assembly is None:
        return None
    kind = assembly.learning_choice.rule_class
    if kind.clamps or not kind.measures:
        message = f"auto needs the gradient of the loss, but {assembly.learning.rule} does not measure it"
        auto.document.report(auto.keys[0], f"{message}; write a number")
        return None
    if RATE in auto.keys and not assembly.learning_choice.update_class.uses_rate:
        auto.document.report(RATE, f"'update: {assembly.learning.update}' does not use the rate; write any number")
        return None
    provisionally = {render_path(path) for path in auto.keys if path not in values}
    assembly.document.warnings[:] = [each for each in assembly.document.warnings if each.path not in provisionally]
    return replace(assembly, auto=auto)


def _checked(document: Document) -> Assembly | None:
    products, skipped, document = _products(document)
    faulty = sorted(instruments.faulty(document, products["devices"]))
    if faulty:
        skipped.insert(0, f"wiring of {' and '.join(faulty)}")
    if document.problems:
        if skipped:
            document.problems.note(f"not checked until these problems are fixed: {', '.join(skipped)}")
        return None
    assembly = _assembly(document, products)
    concerns.warn(assembly)
    return assembly


def _products(document: Document) -> tuple[dict[str, Any], list[str], Document]:
    """Run the stages; return their products, the skipped checks, and the document with patterns of nodes expanded."""
    products: dict[str, Any] = {}
    skipped: list[str] = []
    for stage in STAGES:
        if any(products.get(name) is None for name in stage.needs):
            skipped += [stage.subject] if stage.subject else []
            continue
        products[stage.product] = stage.run(document, **{name: products.get(name) for name in stage.uses})
        document = products.get("expanded") or document  # with the rows of patterns, once the network is known
    return products, skipped, document


def _assembly(document: Document, products: dict[str, Any]) -> Assembly:
    header: Header = products["header"]
    learning: LearningChoice = products["learning"]
    limits_section: limits.Limits = products["limits"]
    sections: dict[str, Section] = {
        "network": products["network"].section,
        "task": products["choice"].section,
        "learning": learning.section,
        "acquisition": products["acquisition"],
        "timing": products["synchronization"],
        "limits": limits_section,
        "power": products["power"],
        "storage": products["storage"],
        "faults": products["fault_policy"],
        "programmers": products["programmers"],
        "simulation": products["simulation"].section,
    }
    return Assembly(
        document=effective(document, header, sections, products["devices"], products["trained"]),
        sections=sections,
        header=header,
        network=products["network"],
        layout=products["layout"],
        choice=products["choice"],
        learning_choice=learning,
        acquisition=products["acquisition"],
        storage=products["storage"],
        fault_policy=products["fault_policy"].policy,
        simulation=products["simulation"],
        limits=Limits(
            limits_section.node_limit,
            limits_section.edge_limit,
            limits_section.step,
            limits_section.misread,
            medium_in_use(),
        ),
        power=products["power"],
        programmers=products["programmers"],
        devices=products["devices"],
        board=products["board"],
        acquisition_timing=products["acquisition_timing"],
        synchronization=products["synchronization"],
        task=products["task"],
        loss=products["loss"],
        faults=products["faults"],
        miswired=products["miswired"],
        judge=products["judge"].wires,
        calibration=products["calibration"].record,
        trained=products["trained"],
    )


def packaged_configs() -> Path:
    """Return the folder of the configurations that come with labrig."""
    inside = Path(str(files("labrig"))) / "_data" / "configs"
    return inside if inside.is_dir() else Path(str(files("labrig"))).parent / "configs"
