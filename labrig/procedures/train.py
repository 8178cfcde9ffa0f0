"""Trains a board and records every step: a run from an unopened rig to its pictures, without a command line.

Nothing is printed. Callbacks report the progress, and the result is a RunResult.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

from labrig.assembly import Assembly
from labrig.procedures.auto import Chosen, choose
from labrig.procedures.recorded_run import RecordedRun
from labrig.procedures.run_result import RunResult
from labrig.rig.rig import Rig
from labrig.runs.folder import RunFolder, create_run_folder
from labrig.runs.journal import Evaluation, Step


def train(
    assembly: Assembly,
    *,
    runs_dir: Path = Path("runs"),
    run_dir: Path | None = None,
    plots: bool = True,
    started: Callable[[RunFolder], None] = lambda folder: None,
    chosen: Callable[[tuple[Chosen, ...]], None] = lambda values: None,
    report: Callable[[Step | Evaluation], None] = lambda what: None,
    stop: Callable[[], bool] = lambda: False,
    opened: Callable[[Rig], AbstractContextManager[Rig]] = lambda rig: rig,
) -> RunResult:
    """Train on a new bench as configured, and record the run in a new folder.

    Parameters
    ----------
    assembly
        The configuration, assembled.
    runs_dir, run_dir
        The run is a new folder in `runs_dir`, or exactly `run_dir`, which must not exist.
    plots
        Whether to draw pictures at the end.
    chosen
        Called before `started` with the values chosen for `auto`, if there are any.
    started
        Called with the folder of the run before its instruments are opened.
    report
        Called with every step and every evaluation, after it was committed to the journal.
    stop
        Called before every step and between the measurements of an evaluation; True ends the run.
    opened
        Opens a rig, as a context manager that makes the rig safe and closes it. With `auto` two rigs are opened, one
        after the other; the values are chosen on the first.

    Returns
    -------
    RunResult
        Also after a KeyboardInterrupt once the run has started: the rig was made safe, and the run is "interrupted".

    Raises
    ------
    LabrigError, ExceptionGroup
        If the run failed; the rig was made safe, and the journal records the failure. There is no folder if values
        could not be chosen.
    KeyboardInterrupt
        If it came before the run had started, or if `stop` returned True while values were chosen.
    """
    folder = create_run_folder(runs_dir, assembly.name, run_dir)  # first, so that an error here costs no measurement
    try:
        assembly, values = choose(assembly, opened, stop)
    except BaseException:
        folder.discard()
        raise
    if values:
        chosen(values)
    setup = assembly.setup()
    with closing(setup.bench):  # the rig closes it too if it was opened
        run = RecordedRun(assembly, setup, folder, report, stop)
        try:
            started(run.folder)
            return run.execute(plots, opened)
        except KeyboardInterrupt:
            return run.result("interrupted")
