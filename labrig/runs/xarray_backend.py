"""`xr.open_dataset("runs/iris-…")`: opens a run as a read-only xarray dataset, even during the run or after a crash.

xarray finds this through the entry point `labrig` in the group `xarray.backends`. The dimensions are those of
contents.py. A run that stored its samples also has `samples` with the dimensions `acquisition`, `sample` and `channel`;
each acquisition is read from the disk when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from typing_extensions import override
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from labrig.runs.contents import Contents, Variable, read_contents
from labrig.runs.folder import JOURNAL, RunFolder
from labrig.runs.samples import DIMS, TEXT, UNITS, Samples


class LabrigBackend(BackendEntrypoint):
    """Opens the folder of a run."""

    description = "Open the folder of a labrig run, even during the run"
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    @override
    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Return whether this is the folder of a run."""
        return isinstance(filename_or_obj, str | os.PathLike) and os.path.isfile(Path(filename_or_obj) / JOURNAL)

    @override
    def open_dataset(self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None) -> xr.Dataset:
        """Open a run; raises FileNotFoundError if there is none, and StorageError if it is damaged."""
        if not self.guess_can_open(filename_or_obj):
            raise FileNotFoundError(f"{filename_or_obj} is not the folder of a labrig run")
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        return dataset(RunFolder(Path(filename_or_obj))).drop_vars(dropped, errors="ignore")


def dataset(folder: RunFolder) -> xr.Dataset:
    """Return a run as a dataset; raises StorageError if it is damaged."""
    found = as_dataset(read_contents(folder))
    samples = Samples(folder)
    if samples.acquisitions:
        found = found.assign_coords(acquisition=list(samples.acquisitions), channel=samples.channels)
        lazy = indexing.LazilyIndexedArray(LazySamples(samples))
        found["samples"] = xr.Variable(DIMS, lazy, {"units": UNITS, "long_name": TEXT})
    return found


def as_dataset(contents: Contents) -> xr.Dataset:
    """Return the contents of a run as a dataset."""
    return xr.Dataset(
        {name: _variable(each) for name, each in contents.variables.items()},
        {name: _variable(each) for name, each in contents.coordinates.items()},
        dict(contents.attributes),
    )


def _variable(variable: Variable) -> xr.Variable:
    values = variable.values.astype(object) if variable.values.dtype.kind == "U" else variable.values
    about = {"units": variable.units, "long_name": variable.text}
    return xr.Variable(variable.dims, values, {key: text for key, text in about.items() if text})


class LazySamples(BackendArray):
    """(A, T, C) samples (V), as a lazily read array of xarray."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.dtype = np.dtype(np.float64)
        self.shape = samples.shape

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float64]:
        which, scans, channels = key
        numbers = np.asarray(self._samples.acquisitions)[which]
        if numbers.ndim == 0:
            return self._samples.of(int(numbers))[scans][..., channels]
        rows = [self._samples.of(int(number))[scans][..., channels] for number in numbers]
        if rows:
            return np.stack(rows)
        return np.empty((0, *np.empty(self.shape[1:])[scans][..., channels].shape))
