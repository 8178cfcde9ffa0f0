"""labrig: train physical networks in place by frequency propagation.

In a notebook, `labrig.open(CONFIG)` gives a rig, `labrig.train(CONFIG)` a recorded training run, `labrig.load(RUN)` the
contents of a run, and `labrig.load_sweep(DIR)` the trials of a sweep; the command line is `labrig`. Importing this
package imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pandas as pd

    from labrig.assembly import Assembly
    from labrig.procedures.train import RunResult
    from labrig.rig.rig import Rig
    from labrig.runs.journal import Evaluation, Step
    from labrig.runs.load import LoadedRun

__version__ = "0.1.0"


def open(
    config: str | Path,
    *,
    seed: int | None = None,
    overrides: tuple[str, ...] = (),
    settings: Mapping[str, object] | None = None,
) -> AbstractContextManager[Rig]:
    """Open the rig of a configuration: `with labrig.open("iris.yaml") as rig: rig.measure(...)`.

    Every instrument is made safe and closed at the end of the block, even after an error, and on SIGTERM or SIGHUP,
    which then terminate the process as usual (see `labrig.rig.safe_rig.SafeRig`).

    Parameters
    ----------
    config
        YAML file, or the name of a configuration that comes with labrig.
    seed
        Replaces the seed of the configuration.
    overrides
        Overrides as on the command line, e.g. ("learning.rate=0.1",).
    settings
        Overrides as Python values, e.g. {"learning.rate": 0.1}.

    Raises
    ------
    ConfigError
        If the configuration is invalid; the message says where, and how to correct it. Instrument failures raise
        other subclasses of LabrigError.
    """
    from dataclasses import replace

    from labrig.rig.safe_rig import SafeRig

    assembly = replace(_assembled(config, seed, overrides, settings), attended=True)
    return SafeRig(assembly.open_rig())


def train(
    config: str | Path,
    *,
    seed: int | None = None,
    overrides: tuple[str, ...] = (),
    settings: Mapping[str, object] | None = None,
    runs_dir: str | Path = "runs",
    run_dir: str | Path | None = None,
    plots: bool = True,
    report: Callable[[Step | Evaluation], None] = lambda what: None,
    stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Train a board as configured and record every step: `labrig.train("xor.yaml").metrics`.

    This is `labrig run` without output. After the first Ctrl-C the current step is finished and the instruments are
    made safe; a second one makes them safe at once.

    Parameters
    ----------
    config, seed, overrides, settings
        As for `labrig.open`.
    runs_dir, run_dir
        The run is a new folder in `runs_dir`, or exactly `run_dir`, which must not exist.
    plots
        Whether to save plots at the end.
    report
        Called with every step and every evaluation that has been recorded.
    stop
        Called before every step and between the measurements of an evaluation; True ends the run.

    Returns
    -------
    RunResult
        The folder of the run, its metrics, and the goals that it missed.

    Raises
    ------
    ConfigError
        If the configuration is invalid; the message says where, and how to correct it. Failures of instruments and of
        the disk raise other subclasses of LabrigError.
    KeyboardInterrupt
        After Ctrl-C; the run is recorded as interrupted.
    """
    from pathlib import Path

    from labrig.cli.opened import opened
    from labrig.interrupts import Interrupts
    from labrig.procedures.train import train

    with Interrupts() as interrupts:
        result = train(
            _assembled(config, seed, overrides, settings),
            runs_dir=Path(runs_dir),
            run_dir=None if run_dir is None else Path(run_dir),
            plots=plots,
            report=report,
            stop=lambda: interrupts.requested() or stop(),
            opened=lambda rig: opened(rig, interrupts),
        )
    if result.state == "interrupted" and interrupts.requested():
        raise KeyboardInterrupt(f"interrupted after {result.steps} steps: {result.path}")
    return result


def load(run: str | Path, *, runs_dir: str | Path = "runs") -> LoadedRun:
    """Load a run as arrays and pandas frames: `labrig.load("runs/iris-…").conductances`.

    Parameters
    ----------
    run
        The folder of the run, or its name in `runs_dir`. The run may still be going on, or may have been killed.
    runs_dir
        Folder of runs.

    Raises
    ------
    UsageError
        If there is no such run.
    StorageError
        If the run is damaged; the message names the damage.
    """
    from pathlib import Path

    from labrig.runs.folder import find_run
    from labrig.runs.load import LoadedRun

    return LoadedRun(find_run(Path(run), Path(runs_dir)))


def load_sweep(folder: str | Path) -> pd.DataFrame:
    """Load the record of a sweep as a frame: a row for each trial, with its values, seed, state and metrics.

    The index `run` is the folder of the trial, for `labrig.load`. The sweep may still be going on.

    Parameters
    ----------
    folder
        The folder of the sweep, as `labrig sweep` prints it.

    Raises
    ------
    StorageError
        If `folder` is not the folder of a sweep.
    UsageError
        If pandas is not installed.
    """
    from pathlib import Path

    from labrig.runs.sweeps.frame import frame

    return frame(Path(folder))


def _assembled(
    config: str | Path, seed: int | None, overrides: tuple[str, ...], settings: Mapping[str, object] | None
) -> Assembly:
    from pathlib import Path

    from labrig.assembly import assemble
    from labrig.config.overrides import as_overrides

    given = {**(settings or {}), **({} if seed is None else {"seed": seed})}
    return assemble(Path(config), overrides=(*overrides, *as_overrides(given)))
