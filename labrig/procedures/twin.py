"""The twin of a run: fed with the measurements of the experiment, checked after every step, and reported at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.experiment import Experiment
from labrig.learning.measurement import Excitation, Response
from labrig.learning.twin import LEARNING_STEPS, Parting, Twin
from labrig.quantities import format_quantity

Array = NDArray[np.float64]

APART = 10.0
"""Difference between board and model, in units of its uncertainty, from which the model does not describe the board.
Boards of potentiometers stay below 4; memristors whose conductance depends on their voltage reach 45."""


class TwinOfRun:
    """Lets a twin follow an experiment through hooks, without changing the experiment.

    Parameters
    ----------
    assembly
        A configuration with `learning.twin`.
    experiment
        The experiment, on an open rig.
    """

    def __init__(self, assembly: Assembly, experiment: Experiment) -> None:
        network, hookup = assembly.board.network, assembly.board.hookup
        place = {source.node: row for row, source in enumerate(network.sources)}
        self._fits = assembly.learning.twin == "fit"
        self._columns = np.array([k for k in range(len(hookup.senses)) if k != hookup.pilot_column], dtype=np.intp)
        self.twin = Twin(
            network,
            inputs=[place[wire.node] for wire in hookup.inputs],
            outputs=[network.nodes.index(wire.node) for wire in hookup.outputs],
            nodes=np.array([network.nodes.index(hookup.senses[k].node) for k in self._columns], dtype=np.intp),
            fits=self._fits,
        )
        self._experiment = experiment
        self._edges = [wire.name for wire in hookup.edges]
        self._dc = assembly.learning.activation == "dc"
        self._free: tuple[Array, Array] | None = None
        self._found: list[dict[str, Any]] = []
        experiment.probe = replace(experiment.probe, watcher=self._watch)
        experiment.after_step = self._end_step

    def to_json(self) -> dict[str, Any]:
        """Return the findings of the twin, for the last line of a run."""
        twin = self.twin
        line: dict[str, Any] = {
            "twin": "fit" if self._fits else "watch",
            "steps": twin.steps,
            "parted": [event["edge"] for event in self._found],
            "misfit_a_v": twin.misfit_a_v,
            "misfit_b": twin.misfit_b,
            "verdict": self._verdict(),
        }
        if self._fits:
            nominal = self._experiment.update.conductances
            u = nominal * np.sqrt(np.maximum(np.diag(twin.covariance), 0.0))
            fitted = zip(self._edges, twin.conductances(nominal).tolist(), u.tolist(), strict=True)
            line["conductances"] = {edge: {"siemens": value, "u": spread} for edge, value, spread in fitted}
        return line

    def _verdict(self) -> str:
        """Return in words whether the model describes the board."""
        if self._found:
            return f"board and model differ at {', '.join(event['edge'] for event in self._found)}"
        if self.twin.steps <= LEARNING_STEPS:
            return f"the board is known after {LEARNING_STEPS} steps, of which {self.twin.steps} are done"
        if self.twin.apart > APART:
            return (
                f"board and model differ by {self.twin.apart:.3g} times the uncertainty of the readings, and not at a "
                "single edge: parts may depend on their voltage, or drift"
            )
        return "conductances fitted, see --json" if self._fits else "board and model agree"

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, as plain values and arrays."""
        free = None if self._free is None else dict(zip(("activation", "volts"), self._free, strict=True))
        return {"model": self.twin.state(), "found": self._found, "free": free}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from the saved state of the twin of the same run."""
        self.twin.resume(state["model"])
        self._found = list(state["found"])
        free = state["free"]
        self._free = None if free is None else (free["activation"], free["volts"])

    def _watch(self, excitation: Excitation, response: Response) -> None:
        if excitation.trial:
            return
        read, nominal = response.demodulated, self._experiment.update.conductances
        if excitation.error is None or not type(self._experiment.probe.carrier).error_first:
            if self._dc:
                volts, noise, systematic = read.dc, read.u_dc, read.systematic_dc
            else:
                volts, noise = read.channel_in_phase[0], read.u_channel[0]
                systematic = read.systematic_channel[0]
            volts, noise, systematic = (each[self._columns] for each in (volts, noise, systematic))
            self.twin.read(excitation.activation, volts, noise, systematic, nominal)
            self._free = excitation.activation, volts
        if excitation.error is not None and self._free is not None:
            self.twin.compare(*self._free, response, nominal)

    def _end_step(self) -> list[dict[str, Any]]:
        parting = self.twin.end_step()
        if parting is None or self._edges[parting.edge] in [event["edge"] for event in self._found]:
            return []
        self._found.append(self._event(parting))
        return [self._found[-1]]

    def _event(self, parting: Parting) -> dict[str, Any]:
        edge = self._edges[parting.edge]
        apart = format_quantity(float(f"{self.twin.misfit_a_v:.3g}"), "voltage")
        percent = f"{100 * abs(parting.change):.3g} % {'more' if parting.change > 0 else 'less'}"
        return {
            "edge": edge,
            "change": parting.change,
            "evidence": parting.evidence,
            "second": self._edges[parting.second],
            "second_evidence": parting.second_evidence,
            "misfit_v": self.twin.misfit_a_v,
            "message": f"{edge} conducts {percent} than the twin learned in the first {LEARNING_STEPS} steps; "
            f"in this step the readings differ by {apart} (rms) from the model",
        }
