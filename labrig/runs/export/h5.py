"""HDF5: a dataset for each variable, with coordinates as dimension scales, and units and meanings as attributes."""

from __future__ import annotations

from pathlib import Path

import h5py

from labrig.runs.contents import Contents, Variable
from labrig.runs.samples import DIMS, TEXT, UNITS, Samples


def write(contents: Contents, path: Path, samples: Samples | None) -> None:
    """Write an HDF5 file."""
    contents = contents.real()
    with h5py.File(path, "w") as file:
        for name, value in contents.attributes.items():
            file.attrs[name] = value
        known = {**contents.coordinates, **contents.variables}
        datasets = {name: _added(file, name, variable) for name, variable in known.items()}
        for name, variable in contents.coordinates.items():
            if variable.dims == (name,):
                datasets[name].make_scale(name)
        for name, variable in known.items():
            for axis, dim in enumerate(variable.dims):
                datasets[name].dims[axis].label = dim
                if dim in contents.coordinates and dim != name:
                    datasets[name].dims[axis].attach_scale(datasets[dim])
        if samples is not None:
            add_samples(file, samples)


def add_samples(file: h5py.File, samples: Samples) -> None:
    """Add the samples, one acquisition after the other, with their dimensions as scales."""
    scales = (
        file.create_dataset("acquisition", data=samples.acquisitions),
        file.create_dataset("sample", data=range(samples.shape[1])),
        file.create_dataset("channel", data=samples.channels, dtype=h5py.string_dtype()),
    )
    one = (1, *samples.shape[1:])
    dataset = file.create_dataset("samples", samples.shape, "f8", chunks=one, shuffle=True, compression="gzip")
    for place, volts in enumerate(samples):
        dataset[place] = volts
    dataset.attrs["units"], dataset.attrs["long_name"] = UNITS, TEXT
    for axis, (dim, scale) in enumerate(zip(DIMS, scales, strict=True)):
        scale.make_scale(dim)
        dataset.dims[axis].label = dim
        dataset.dims[axis].attach_scale(scale)


def _added(file: h5py.File, name: str, variable: Variable) -> h5py.Dataset:
    text = variable.values.dtype.kind == "U"
    values = variable.values.astype(object) if text else variable.values
    dataset = file.create_dataset(name, data=values, dtype=h5py.string_dtype() if text else None)
    for key, value in (("units", variable.units), ("long_name", variable.text)):
        if value:
            dataset.attrs[key] = value
    return dataset
