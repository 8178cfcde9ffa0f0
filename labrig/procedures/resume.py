"""Resumes a run that was stopped, killed or interrupted, or trains a finished one further."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from labrig.assembly import Assembly, assemble
from labrig.config.overrides import parse_override
from labrig.errors import StorageError, UsageError
from labrig.procedures.recorded_run import RecordedRun
from labrig.procedures.run_result import RunResult
from labrig.rig.rig import Rig
from labrig.runs.folder import CONFIG, RunFolder
from labrig.runs.integrity import configuration_of, finish_writing, require_intact
from labrig.runs.journal import Evaluation, Step, read_blocks, repair
from labrig.runs.lock import being_written, is_being_written
from labrig.runs.raw import RawBlocks

CHANGEABLE = ("instruments", "faults")
"""Sections that may change when a run is resumed, e.g. if a serial port has another name or a fault is to be treated
differently. What a change means for the results is checked against the comparability card."""


class Resumable:
    """A run whose folder is intact, ready to continue.

    Parameters
    ----------
    folder
        The folder of the run.
    epochs
        Total number of epochs to train; None for the configured number.
    overrides
        KEY=VALUE for keys in `CHANGEABLE`, which may change in between, such as the address of an instrument.

    Attributes
    ----------
    assembly : Assembly
        The assembled configuration of the run.
    finished : dict or None
        The last line of the run, if it finished and nothing is left to do.

    Raises
    ------
    UsageError
        If a running process writes the run, the run is configured for more epochs already, or the key of an
        override is not in `CHANGEABLE`.
    StorageError
        If its folder is damaged, or was written by an older labrig.
    ConfigError
        If its configuration is no longer valid.
    """

    def __init__(self, folder: RunFolder, epochs: int | None = None, overrides: Sequence[str] = ()) -> None:
        for override in overrides:
            _require_changeable(override)
        if is_being_written(folder.journal):
            raise being_written(folder.journal)
        configuration_of(folder)
        repair(folder.journal)
        self.folder = folder
        self._epochs = epochs
        self._overrides = tuple(overrides)
        self._record = require_intact(folder)
        finish_writing(folder, self._record.files)
        if self._record.checkpoint is None:
            raise StorageError(
                f"{folder.path} cannot be resumed: it was written by an older labrig, which recorded too little",
                remedy=f"start it again: labrig run {folder.path / CONFIG}",
            )
        self.assembly = self._assembled()
        if self.assembly.storage.raw:
            for damage in RawBlocks(folder.path, read_blocks(folder.journal)).damaged():
                raise StorageError(damage, remedy="restore the file from a copy")
        self.finished = self._finished()

    def resume(
        self,
        *,
        plots: bool = True,
        report: Callable[[Step | Evaluation], None] = lambda what: None,
        stop: Callable[[], bool] = lambda: False,
        opened: Callable[[Rig], AbstractContextManager[Rig]] = lambda rig: rig,
    ) -> RunResult:
        """Train to the end; parameters, result and errors are those of `train`.

        Raises
        ------
        ChannelFault
            If the board does not hold the settings in the journal, and `storage.resume` is "refuse".
        IdentityMismatch, ConfigError
            If an instrument, or anything else that the run depends on, has changed since the run began.
        """
        setup = self.assembly.setup()
        with closing(setup.bench):
            run = RecordedRun(self.assembly, setup, self.folder, report, stop, past=self._record, changed=self._changed)
            try:
                return run.execute(plots, opened)
            except KeyboardInterrupt:
                return run.result("interrupted")

    def _assembled(self) -> Assembly:
        epochs = self._epochs
        path = self.folder.path / CONFIG
        assembly = assemble(path, self._overrides)
        if epochs is None:
            return assembly
        if epochs < assembly.learning.epochs:
            raise UsageError(
                f"the run is already configured for {assembly.learning.epochs} epochs", remedy="give a larger --epochs"
            )
        return assemble(path, (*self._overrides, f"learning.epochs={epochs}"))

    @property
    def _changed(self) -> bool:
        """Whether the configuration of the run is to be replaced."""
        return self._epochs is not None or bool(self._overrides)

    def _finished(self) -> dict[str, Any] | None:
        last = self._record.evaluations[-1] if self._record.evaluations else None
        lines = [event.detail for event in self._record.events if event.event == "finished"]
        if not lines or last is None or last.epoch < self.assembly.learning.epochs:
            return None
        return lines[-1]


def _require_changeable(override: str) -> None:
    path = parse_override(override).path
    if path[0] not in CHANGEABLE:
        raise UsageError(
            f"--set {override}: only {' and '.join(CHANGEABLE)} may change when a run is resumed",
            remedy="begin a new run; programmable.initial: {run: …} starts it from the conductances of this one",
        )
