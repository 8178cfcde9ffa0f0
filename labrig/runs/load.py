"""Loads a run into a notebook: `labrig.load("runs/iris-…")`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import UsageError
from labrig.runs.contents import Contents, Variable, read_contents
from labrig.runs.folder import META, RunFolder
from labrig.runs.journal import read_blocks, read_journal
from labrig.runs.raw import RawBlocks

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MISSING = "pip install 'labrig[analysis]'"


class LoadedRun:
    """The contents of a run as arrays and pandas frames. It is read once; load it again to follow a live run.

    `run["gradient"]` is an array, `list(run)` are the names of all arrays, and `run.contents` has their dimensions and
    units. Frames need pandas, and `dataset` needs xarray: the extra `analysis` installs both.

    Parameters
    ----------
    folder
        The folder of the run.

    Raises
    ------
    StorageError
        If the folder is damaged; the message names the damage.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self.contents: Contents = read_contents(folder)

    def __repr__(self) -> str:
        steps, evaluations = len(self["step"]), len(self["evaluation"])
        return f"<labrig run {self.path}: {steps} steps, {evaluations} evaluations>"

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return an array by name: `run["conductances"]` is (steps, edges) in siemens; raises KeyError if missing."""
        return self.variable(name).values

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the arrays."""
        return iter(sorted({*self.contents.variables, *self.contents.coordinates}))

    def __contains__(self, name: object) -> bool:
        return name in self.contents.variables or name in self.contents.coordinates

    def variable(self, name: str) -> Variable:
        """Return an array by name, with dimensions and units; raises KeyError if there is none."""
        if name not in self:
            raise KeyError(f"the run has no {name!r}; it has {', '.join(self)}")
        return {**self.contents.variables, **self.contents.coordinates}[name]

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self._folder.path

    @cached_property
    def meta(self) -> dict[str, Any]:
        """The contents of meta.json; empty if the run ended before it was written."""
        return self._folder.meta() if self._folder.has(META) else {}

    @property
    def card(self) -> dict[str, Any]:
        """The comparability card."""
        return self.meta.get("card", {})

    @property
    def raw(self) -> RawBlocks:
        """The stored samples; `run.raw.acquisitions` is empty if none were stored."""
        return RawBlocks(self.path, read_blocks(self._folder.journal))

    @property
    def dataset(self) -> xr.Dataset:
        """The run as an xarray dataset, as `xr.open_dataset(path)` returns it."""
        try:
            from labrig.runs.xarray_backend import dataset
        except ImportError as error:
            raise UsageError("xarray is not installed", remedy=MISSING) from error
        return dataset(self._folder)

    def export(self, kind: str, out: str | Path | None = None, *, samples: bool = False) -> Path:
        """Write the current state of the run in another program's format, and return the path (see `labrig export`)."""
        from labrig.runs.export.exporting import export

        return export(self._folder, kind, None if out is None else Path(out), samples=samples)

    def frame(self, name: str) -> pd.DataFrame:
        """Return an array as a frame: last dimension as columns, the others as index; 1-D arrays become one column."""
        pandas, variable = _pandas(), self.variable(name)
        *rows, last = variable.dims
        if not rows:
            return pandas.DataFrame({name: variable.values}, index=self._index(last))
        index = pandas.MultiIndex.from_product([self._index(dim) for dim in rows]) if rows[1:] else self._index(rows[0])
        values = variable.values.reshape(len(index), -1)
        return pandas.DataFrame(values, index=index, columns=self._index(last))

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Loss, γ, acquisitions and durations of every step."""
        return self._along("step")

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """Step, epoch and all metrics of every evaluation."""
        about = self._along("evaluation", coordinates=True)
        about.columns = [name.removeprefix("evaluation_") for name in about.columns]
        return _pandas().concat([about, self.frame("metrics")], axis=1)

    @cached_property
    def examples(self) -> pd.DataFrame:
        """Name and part (train or test) of every example, and its inputs (V) with a column for each node."""
        return _pandas().concat([self._along("example", coordinates=True), self.frame("inputs")], axis=1)

    @cached_property
    def events(self) -> pd.DataFrame:
        """All events of the run, including faults."""
        return self._along("event")

    @cached_property
    def writings(self) -> pd.DataFrame:
        """Every write of a cell by pulses: step, why, edge, the conductance found afterwards (S), pulses, converged."""
        names = self.contents.coordinates["edge"].values
        rows = [
            (each.step, each.why, names[edge], siemens, pulses, edge not in each.faulty)
            for each in read_journal(self._folder.journal).writings
            for edge, siemens, pulses in zip(each.edges, each.siemens.tolist(), each.pulses, strict=True)
        ]
        return _pandas().DataFrame(rows, columns=["step", "why", "edge", "siemens", "pulses", "converged"])

    @cached_property
    def gradients(self) -> pd.DataFrame:
        """Gradient of every step (loss unit per S), with a column for each edge."""
        return self.frame("gradient")

    @cached_property
    def conductances(self) -> pd.DataFrame:
        """Nominal conductances after every step (S), with a column for each edge."""
        return self.frame("conductances")

    @cached_property
    def outputs(self) -> pd.DataFrame:
        """Readings (V) of every example in every evaluation, with a column for each output."""
        return self.frame("outputs")

    def _along(self, dim: str, coordinates: bool = False) -> pd.DataFrame:
        known = self.contents.coordinates if coordinates else self.contents.variables
        columns = {name: each.values for name, each in known.items() if each.dims == (dim,) and name != dim}
        return _pandas().DataFrame(columns, index=self._index(dim))

    def _index(self, dim: str) -> pd.Index:
        known = self.contents.coordinates.get(dim)
        if known is not None:
            return _pandas().Index(known.values, name=dim)
        sizes = [v.values.shape[v.dims.index(dim)] for v in self.contents.variables.values() if dim in v.dims]
        return _pandas().Index(np.arange(sizes[0]), name=dim)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise UsageError("pandas is not installed", remedy=MISSING) from error
    return pandas
