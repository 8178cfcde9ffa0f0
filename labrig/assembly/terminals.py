"""Lists the meaning of every input and output of the board, and the node and channel that it is wired to."""

from __future__ import annotations

from labrig.assembly.assembly import Assembly
from labrig.medium import using
from labrig.runs.journal import Example, Terminal


def terminals(assembly: Assembly) -> list[Terminal]:
    """Return the inputs, then the outputs, in the order of the arrays of a run."""
    with using(assembly.network.physics.medium):
        return _terminals(assembly)


def _terminals(assembly: Assembly) -> list[Terminal]:
    hookup, task = assembly.board.hookup, assembly.task
    inputs = zip(hookup.inputs, task.input_roles(), strict=True)
    outputs = zip(hookup.outputs, task.output_roles(), strict=True)
    found = []
    for side, wires in (("input", inputs), ("output", outputs)):
        for place, (wire, role) in enumerate(wires):
            low, high, full_scale_v = (None,) * 3
            if role.scaling is not None:
                low, high, full_scale_v = role.scaling.low, role.scaling.high, role.scaling.full_scale_v
            found.append(
                Terminal(side, place, wire.output, wire.label, role.kind, role.name, low, high, full_scale_v, str(role))
            )
    return found


def examples(assembly: Assembly) -> list[Example]:
    """Return the examples of a run: those of the training set, then those of the test set."""
    task = assembly.task
    return [
        Example(int(k), part, task.example_name(int(k)), task.activation[k], task.target[k])
        for part, chosen in (("train", task.train), ("test", task.test))
        for k in chosen
    ]
