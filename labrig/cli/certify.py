"""certify: compare the measured gradient of every edge with finite differences of the loss and the exact gradient."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_config, add_runs_dir, assembled, overrides, print_warnings
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.runs.folder import RunFolder

EXIT_CODES = {"right": 0, "wrong": 7, "unresolved": 8}
VERDICTS = {"right": "the gradient is right", "wrong": "the gradient is WRONG", "unresolved": "UNRESOLVED"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser, runs=True)
    add_runs_dir(parser)
    parser.add_argument(
        "--repeats",
        type=_positive,
        default=4,
        metavar="N",
        help="measurements of each example, at least 4 (default: 4); doubled up to 64 while noise hides the answer",
    )
    parser.add_argument(
        "--examples",
        metavar="NAME,…",
        help="examples to use, by name or number (default: all of a small task, two of each class)",
    )
    parser.add_argument(
        "--bias",
        type=_share,
        default=0.01,
        metavar="SHARE",
        help="largest bias of the gradient that counts as right, e.g. 1%% or 0.01 (default: 1%%)",
    )
    parser.add_argument(
        "--reference",
        choices=("adjoint", "differences"),
        help="reference to compare with: the exact adjoint (default on a simulated bench), or only differences of the "
        "measured loss",
    )
    parser.add_argument(
        "--descent",
        type=_positive,
        metavar="N",
        help="also train for N steps, and compare the fall of the loss with the fall that the gradient predicts",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the certificate; returns 0 if the gradient is right, 7 if it is wrong, 8 if this cannot be decided."""
    from labrig.assembly.auto import require_numbers
    from labrig.cli.opened import opened
    from labrig.errors import UsageError
    from labrig.interrupts import Interrupts
    from labrig.procedures.certify import certify, judge
    from labrig.procedures.descent import descend
    from labrig.runs.folder import run_at

    folder = run_at(Path(arguments.config), arguments.runs_dir)
    assembly = _assembled(arguments, folder)
    if not assembly.learning_choice.rule_class.measures:
        raise UsageError(
            f"{assembly.learning.rule} does not measure, so there is nothing to certify",
            remedy="certify a rule that measures, such as --set learning.rule=frequency_propagation",
        )
    if arguments.descent:
        require_numbers(assembly.auto, "certify --descent")
    examples = _examples(assembly, arguments.examples)
    setup = assembly.setup()
    truth = setup.bench.truth if arguments.reference != "differences" else None

    def progress(text: str) -> None:
        print(f"{assembly.name}: {text}", file=sys.stderr, flush=True)

    if arguments.reference == "adjoint" and truth is None:
        setup.bench.close()
        raise UsageError(
            "--reference adjoint: only a simulated bench knows the exact gradient",
            remedy="use --reference differences",
        )
    with Interrupts(immediate=True) as interrupts, opened(setup.rig, interrupts) as rig:
        update = assembly.update(rig)
        probe = assembly.probe(rig, update)
        certificate = certify(probe, update, truth, examples, arguments.repeats, arguments.bias, progress)
        judgement = judge(certificate)
        descent = None
        if arguments.descent:
            descent = descend(probe, update, truth, examples, arguments.descent, arguments.bias, progress)
    figures = {**certificate.figures(), **judgement.to_json()}
    if descent is not None:
        figures["descent"] = descent.to_json()
    if folder is not None:
        _keep(folder, figures, assembly.seed, overrides(arguments))
    if arguments.json:
        line = {"event": "certificate", "config": str(assembly.document.path), "seed": assembly.seed, **figures}
        print(json_text(line))
    else:
        print(_text(figures, certificate.null_test))
    verdicts = [figures["verdict"], *([] if descent is None else [descent.verdict.value])]
    return next(EXIT_CODES[verdict] for verdict in ("wrong", "unresolved", "right") if verdict in verdicts)


def _assembled(arguments: argparse.Namespace, folder: RunFolder | None) -> Assembly:
    """Assemble CONFIG; if CONFIG is a run, assemble its board with the trained conductances."""
    from labrig.procedures.trained_board import trained_board

    if folder is None:
        return assembled(arguments)
    assembly = trained_board(folder, None, overrides(arguments))
    print_warnings(assembly, of_run=True)
    return assembly


def _keep(folder: RunFolder, figures: dict[str, Any], seed: int, settings: list[str]) -> None:
    """Add the certificate to the run, for its report; if the folder cannot be written, only print a message."""
    from labrig.errors import StorageError
    from labrig.runs.certificates import add_certificate

    try:
        add_certificate(folder, figures, seed=seed, settings=settings)
    except StorageError as error:
        print(f"labrig: the certificate was not stored in the run's folder: {error}", file=sys.stderr)


def _examples(assembly: Assembly, wanted: str | None) -> list[int]:
    """Return the indices of the requested examples, each once; raises UsageError if there is no such example."""
    from labrig.errors import UsageError

    task = assembly.task
    if wanted is None:
        return task.representatives()
    by_name = {task.example_name(k): k for k in range(len(task.activation))}
    found = []
    for name in (part.strip() for part in wanted.split(",")):
        if name in by_name:
            found.append(by_name[name])
        elif name.isascii() and name.isdigit() and int(name) < len(task.activation):
            found.append(int(name))
        else:
            some = ", ".join(list(by_name)[:8])
            raise UsageError(
                f"--examples: there is no example {name!r} (examples: {some}{' …' if len(by_name) > 8 else ''})"
            )
    return list(dict.fromkeys(found))


def _text(figures: dict[str, Any], null_test: str) -> str:
    from labrig.cli.tables import table

    def formatted(value: Any, digits: str) -> str:
        return "–" if value is None else format(value, digits)

    rows = [
        (
            row["name"],
            formatted(row["cosine_adjoint"], ".6f"),
            formatted(row["relative_error_adjoint"], ".2e"),
            formatted(row["cosine_difference"], ".6f"),
            formatted(row["relative_error_difference"], ".2e"),
            formatted(row["slope"], ".4f"),
            f"{row['sign_right']}/{row['edges_judged']}",
            str(row["interior_judged"]),
        )
        for row in figures["examples"]
    ]
    header = ("example", "cos adjoint", "error", "cos difference", "error", "slope", "signs", "interior")
    lines = [
        table(header, rows),
        "",
        *(f"{name:<18} {value}" for name, value in _figures(figures, null_test)),
        *(f"{'wrong edge':<18} {edge['name']}: {edge['text']}" for edge in figures["wrong_edges"]),
        *_of_descent(figures.get("descent")),
        f"{'verdict':<18} {VERDICTS[figures['verdict']]}: {figures['reason']}",
        *(f"{'':<18} {hint}" for hint in figures["hints"]),
    ]
    return "\n".join(lines)


def _figures(figures: dict[str, Any], null_test: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each figure over all examples, and its value with its meaning."""
    from labrig.procedures.certify.verdict import percent

    exact = figures["reference"] == "adjoint"
    against = (
        "the exact gradient"
        if exact
        else f"differences, whose uncertainty is {percent(figures['reference_uncertainty'])}"
    )
    if figures["bias"] is not None:
        low, high = figures["bias_interval"]
        yield (
            "bias",
            f"{percent(figures['bias'])} ({percent(low)} to {percent(high)}): distance from {against}, noise removed; "
            f"the bound is {percent(figures['bound'])}",
        )
        low, high = figures["slope_interval"]
        meaning = "factor common to all edges, which should be 1"
        yield "slope", f"{figures['slope_all']:.4f} ({low:.4f} to {high:.4f}): {meaning}"
        yield (
            "noise",
            f"{percent(figures['noise'])} of the gradient after {_repeats(figures['repeats'])} of each example "
            f"(at most {figures['most_repeats']}), from their scatter",
        )
    yield (
        "instruments",
        f"{percent(figures['instruments'])}: uncertainty from zero, gain, rounding and amplitudes, as stated by the "
        "instruments",
    )
    if exact:
        yield (
            "differences",
            f"known to {percent(figures['difference_uncertainty'])} (noise, truncation, tolerance of the parts): an "
            "error of this size in the column after `cos difference` says nothing about the gradient",
        )
    freedom = figures["chi_squared_freedom"]
    spread = 3 * (2 * freedom) ** 0.5
    low, high = max(0.0, freedom - spread), freedom + spread
    unusual = ""
    if figures["chi_squared"] > high:
        unusual = "; here single edges deviate by more than their stated uncertainties"
    elif figures["chi_squared"] < low:
        unusual = "; here edges deviate by less than their stated uncertainties"
    yield (
        "χ²",
        f"{figures['chi_squared']:.4g}: squared deviations of single edges, apart from the slope, in units of their "
        f"stated variance; {low:.0f} to {high:.0f} is usual{unusual}",
    )
    yield (
        "confirmed",
        f"{figures['confirmed_edges']} of {len(figures['edges'])} edges, with "
        f"{100 * figures['confirmed_share']:.0f} % of the gradient, were seen to change the loss as the gradient "
        "predicts",
    )
    interval = figures["gamma_exponent_interval"]
    exponent = formatted_exponent(figures["gamma_exponent"])
    between = (
        f"({interval[0]:.3f} to {interval[1]:.3f}): power of the current with which the error grows: 2 for the bias "
        "of nonlinear parts, -1 for noise and rounding"
        if interval
        else "(the current does not change the gradient by more than its noise)"
    )
    yield "exponent of γ", f"{exponent} {between}"
    yield "null test", null_test
    batch = figures["batch"]
    needed = batch["repeats_for_5_percent"]
    if batch["relative_standard_error"] is not None:
        yield (
            "batch gradient",
            f"known to {percent(batch['relative_standard_error'])} with {_repeats(batch['repeats'])}; "
            + (f"5 % needs {_repeats(needed)}" if needed else "it is below the noise"),
        )


def _repeats(count: int) -> str:
    return f"{count} repeat{'' if count == 1 else 's'}"


def formatted_exponent(value: float | None) -> str:
    """Return the exponent of γ, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def _of_descent(descent: dict[str, Any] | None) -> list[str]:
    """Return the lines about the descent; none if there was no descent."""
    from labrig.procedures.certify.verdict import percent
    from labrig.runs.units import counted

    if descent is None:
        return []
    low, high = descent["ratio_interval"]
    lines = [
        f"{'descent':<18} the loss fell by {descent['fall']:.4g} in {counted(descent['steps'], 'step')}, "
        f"{descent['ratio']:.4f} ({low:.4f} to {high:.4f}) times what the gradient predicts"
    ]
    if descent["trajectory"] is not None:
        lines.append(
            f"{'trajectory':<18} {percent(descent['trajectory'])} of its length away from exact descent from the same "
            "start"
        )
    lines.append(f"{'of the descent':<18} {descent['verdict']}: {descent['reason']}")
    return lines


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 1")
    return int(text)


def _share(text: str) -> float:
    number = text.removesuffix("%").strip()
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction between 0 and 1, such as 1% or 0.01")
    return value
