"""A sweep on dask.distributed: every trial is a task, on local workers or on those of a scheduler.

A trial whose worker dies is started again on another worker, and continues where its journal ends. A sweep whose client
dies is continued by the same command. The results are the same in either case: a trial depends only on its
configuration.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from labrig import __version__
from labrig.blas import VARIABLES
from labrig.errors import ConnectionFailed, UsageError, reason
from labrig.procedures.sweep.sweep_file import Sweep, Trial
from labrig.procedures.sweep.trial import Outcome, finished, run_trial, versions
from labrig.runs.sweeps import TABLE, Table, read_table, write_record

CONNECT_S = 10.0
WORKERS_S = 60.0
"""How long to wait for the first worker of a scheduler (s)."""
NEW_WORKERS = 3
"""How often a trial is submitted again after the scheduler has given up on it because its workers died."""
MISSING = "pip install 'labrig[sweep]'"


@dataclass(frozen=True)
class Trained:
    """The result of a sweep.

    Parameters
    ----------
    table : Table
    picture : Path or None
    not_drawn : str
        Why there is no picture; empty if there is one.
    code : int
        Exit code: that of the first trial that failed, else 7 if a trial missed a target, else 0.
    """

    table: Table
    picture: Path | None
    not_drawn: str
    code: int


def sweep_folder(sweep: Sweep, runs_dir: Path) -> Path:
    """Return the folder of a sweep."""
    return runs_dir.absolute() / sweep.name


def require_distributed() -> None:
    """Raise UsageError if dask.distributed is not installed."""
    try:
        import_module("distributed")
    except ImportError as error:
        raise UsageError("dask.distributed is not installed", remedy=MISSING) from error


def run_sweep(
    sweep: Sweep,
    runs_dir: Path,
    *,
    scheduler: str | None = None,
    jobs: int | None = None,
    plots: bool = False,
    report: Callable[[str, Outcome, int], None] = lambda name, outcome, done: None,
) -> Trained:
    """Run every trial that is not finished, then write the table and the picture.

    Parameters
    ----------
    sweep
        The sweep from `read_sweep`.
    runs_dir
        Folder that contains the sweep's folder; every worker must see it under the same path.
    scheduler
        Address of a running dask scheduler; None starts local workers.
    jobs
        Number of local workers; by default one per core.
    plots
        Whether each trial draws its pictures.
    report
        Called after each trial with its name, its outcome, and the number of trials that have ended.

    Raises
    ------
    UsageError
        If dask.distributed is not installed.
    ConnectionFailed
        If the scheduler does not answer or has no worker, or its workers have another version of labrig.
    StorageError
        If the folder cannot be written.
    """
    require_distributed()
    folder = sweep_folder(sweep, runs_dir)
    about = [{"name": trial.name, "seed": trial.seed, "values": trial.values} for trial in sweep.trials]
    write_record(folder, sweep.name, sweep.config, sweep.keys, about)
    outcomes: dict[str, Outcome] = {}
    for trial in sweep.trials:
        before = finished(folder / trial.name)
        if before is not None:
            outcomes[trial.name] = before
            report(trial.name, before, len(outcomes))
    left = [trial for trial in sweep.trials if trial.name not in outcomes]
    if left:
        with _client(scheduler, jobs, len(left)) as client:
            for name, outcome in _all(client, sweep.config, left, folder, plots):
                outcomes[name] = outcome
                report(name, outcome, len(outcomes))
    failed = {name: outcome["reason"] for name, outcome in outcomes.items() if outcome["code"] not in (0, 7)}
    table = read_table(folder, failed)
    (folder / TABLE).write_text(table.csv(), encoding="utf-8")
    picture, not_drawn = _drawn(table)
    return Trained(table, picture, not_drawn, _code([outcomes[trial.name]["code"] for trial in sweep.trials]))


def _all(client: Any, config: Path, left: Sequence[Trial], folder: Path, plots: bool) -> Iterator[tuple[str, Outcome]]:
    """Run every trial; yield its name and outcome as it ends."""
    from distributed import as_completed

    def submit(name: str) -> Any:
        trial = trials[name]
        where = str(folder / name)
        return client.submit(run_trial, str(config), trial.overrides, where, plots, pure=False)

    trials = {trial.name: trial for trial in left}
    names = {submit(name): name for name in trials}
    lives = dict.fromkeys(trials, NEW_WORKERS)
    ended = as_completed(list(names))
    for future in ended:
        name = names.pop(future)
        error = future.exception() if future.status != "finished" else None
        if error is None:
            yield name, future.result()
        elif lives[name] and type(error).__name__ in ("KilledWorker", "FutureCancelledError", "CancelledError"):
            lives[name] -= 1
            again = submit(name)
            names[again] = name
            ended.add(again)
        else:
            yield name, Outcome(code=1, reason=reason(error))


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Make processes that are started in this context ignore Ctrl-C; no effect outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _client(scheduler: str | None, jobs: int | None, trials: int) -> Iterator[Any]:
    """Yield a client of the scheduler, or of new local workers, which end with it."""
    from dask import config as settings  # pyright: ignore[reportPrivateImportUsage]
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        if scheduler is None:
            logging.getLogger("distributed").setLevel(logging.CRITICAL)  # hide messages about killed workers
            environment = {**dict.fromkeys(VARIABLES, 1), "DASK_LOGGING__DISTRIBUTED": "critical"}
            spawned = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in environment.items()}
            stack.enter_context(settings.set(spawned))
            workers = min(jobs or len(os.sched_getaffinity(0)), trials)
            options: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": None, "memory_limit": 0}
            # The scheduler listens for HTTP even without a dashboard: at any port, as the default may be in use.
            options["scheduler_kwargs"] = {"dashboard_address": "127.0.0.1:0"}
            with _ctrl_c_ignored():  # a terminal sends Ctrl-C to the workers too, but the client ends them
                cluster = stack.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, **options))
            yield stack.enter_context(Client(cluster))
            return
        try:
            client = stack.enter_context(Client(scheduler, timeout=CONNECT_S))
        except (OSError, ValueError, TimeoutError) as error:
            remedy = "start one with `dask scheduler`, and give the address that it prints"
            raise ConnectionFailed(f"no dask scheduler answers at {scheduler}", remedy=remedy) from error
        _require_workers(client, scheduler)
        yield client


def _require_workers(client: Any, scheduler: str) -> None:
    """Raise ConnectionFailed unless the scheduler has workers, all with this version of labrig."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError as error:
        remedy = f"start some: dask worker {scheduler} --nworkers N --nthreads 1"
        no_worker = f"the scheduler at {scheduler} has no worker"
        raise ConnectionFailed(no_worker, limit=f"{WORKERS_S:.0f} s", remedy=remedy) from error
    try:
        found = client.run(versions)
    except Exception as error:
        remedy = "install labrig where the workers run"
        broken = f"a worker of {scheduler} cannot import labrig ({reason(error)})"
        raise ConnectionFailed(broken, remedy=remedy) from error
    for worker, version in found.items():
        if version != __version__:
            raise ConnectionFailed(
                f"worker {worker} runs labrig {version}, but this is labrig {__version__}",
                remedy="install the same version here and on the workers",
            )


def _drawn(table: Table) -> tuple[Path | None, str]:
    """Draw the picture; return its path, or why it failed (the sweep is complete without it)."""
    from labrig.runs.sweeps.picture import draw

    try:
        return draw(table), ""
    except Exception as error:
        return None, reason(error)


def _code(codes: list[int]) -> int:
    """Return the exit code of a sweep: that of the first trial that failed, else 7 if a trial missed its target."""
    failed = [code for code in codes if code not in (0, 7)]
    return failed[0] if failed else max(codes, default=0)
