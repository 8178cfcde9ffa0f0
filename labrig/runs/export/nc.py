"""NetCDF 4, as xarray writes it: `xr.open_dataset("run.nc")`."""

from __future__ import annotations

from pathlib import Path

import h5netcdf
import numpy as np

from labrig.runs.contents import Contents
from labrig.runs.samples import DIMS, TEXT, UNITS, Samples
from labrig.runs.xarray_backend import as_dataset


def write(contents: Contents, path: Path, samples: Samples | None) -> None:
    """Write a NetCDF file."""
    dataset = as_dataset(contents.real())
    if samples is None:
        dataset.to_netcdf(path, engine="h5netcdf")
        return
    named = dataset.assign_coords(acquisition=list(samples.acquisitions), channel=samples.channels)
    named.to_netcdf(path, engine="h5netcdf")
    with h5netcdf.File(path, "a") as file:
        _add(file, samples)


def _add(file: h5netcdf.File, samples: Samples) -> None:
    """Add the samples, one acquisition after the other: xarray would need memory for all of them at once."""
    file.dimensions["sample"] = samples.shape[1]
    one = (1, *samples.shape[1:])
    written = file.create_variable(
        "samples", DIMS, "f8", fillvalue=np.nan, chunks=one, shuffle=True, compression="gzip"
    )
    for place, volts in enumerate(samples):
        written[place] = volts
    written.attrs["units"], written.attrs["long_name"] = UNITS, TEXT
