"""NetCDF 4, as xarray writes it: `xr.open_dataset("run.nc")`."""

from __future__ import annotations

from pathlib import Path

from labrig.runs.contents import Contents
from labrig.runs.xarray_backend import as_dataset


def write(contents: Contents, path: Path) -> None:
    """Write a NetCDF file."""
    as_dataset(contents.real()).to_netcdf(path, engine="h5netcdf")
