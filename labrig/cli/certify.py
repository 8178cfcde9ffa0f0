"""certify: compare the measured gradient of every edge with finite differences of the loss and the exact gradient."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_config, assembled
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly import Assembly

VERDICT_FAILED = 7
VERDICTS = {
    "right": "the gradient is right",
    "wrong": "the gradient is WRONG",
    "unresolved": "unresolved: too noisy to tell; use more --repeats or a larger error current",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        "--repeats", type=_positive, default=4, metavar="N", help="measurements averaged per example (default: 4)"
    )
    parser.add_argument(
        "--examples",
        metavar="NAME,…",
        help="examples to use, by name or number (default: all of a small task, two of each class)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the certificate; returns 0 if the gradient is right, 7 if not."""
    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.procedures.certify import certify

    assembly = assembled(arguments)
    examples = _examples(assembly, arguments.examples)
    setup = assembly.setup()
    with Interrupts(immediate=True) as interrupts, opened(setup.rig, interrupts) as rig:
        update = assembly.update(rig)
        certificate = certify(
            assembly.probe(rig, update),
            update,
            setup.bench.truth,
            examples,
            arguments.repeats,
            progress=lambda text: print(f"{assembly.name}: {text}", file=sys.stderr, flush=True),
        )
    figures = certificate.to_json()
    if arguments.json:
        line = {"event": "certificate", "config": str(assembly.document.path), "seed": assembly.seed, **figures}
        print(json_text(line))
    else:
        print(_text(figures))
    return 0 if certificate.passed else VERDICT_FAILED


def _examples(assembly: Assembly, wanted: str | None) -> list[int]:
    """Return the indices of the requested examples, each once; UsageError if there is no such example."""
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
                f"--examples: there is no example {name!r}; the examples are {some}{' …' if len(by_name) > 8 else ''}"
            )
    return list(dict.fromkeys(found))


def _text(figures: dict[str, Any]) -> str:
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
    interval = figures["gamma_exponent_interval"]
    exponent = formatted(figures["gamma_exponent"], ".3f")
    batch = figures["batch"]
    needed = batch["repeats_for_5_percent"]
    lines = [
        table(header, rows),
        "",
        f"exponent of γ      {exponent}"
        + (f"  ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "  (not resolved)"),
        f"null test          |b| ≤ {figures['null_b_max_v']:.2e} V with the error off",
        f"batch gradient     u(g)/|g| = {batch['relative_standard_error']:.2g} with {batch['repeats']} repeat(s); "
        + (f"{needed} for 5 %" if needed else "below the noise"),
        f"verdict            {VERDICTS[figures['verdict']]}",
    ]
    return "\n".join(lines)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 1")
    return int(text)
