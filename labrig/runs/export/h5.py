"""HDF5: a dataset for each variable, with the coordinates as dimension scales, units and texts as attributes."""

from __future__ import annotations

from pathlib import Path

import h5py

from labrig.runs.contents import Contents, Variable


def write(contents: Contents, path: Path) -> None:
    """Write an HDF5 file."""
    contents = contents.real()
    with h5py.File(path, "w") as file:
        for name, value in contents.attributes.items():
            file.attrs[name] = value
        for name, variable in contents.coordinates.items():
            _add(file, name, variable)
            if variable.dims == (name,):
                file[name].make_scale(name)
        for name, variable in {**contents.coordinates, **contents.variables}.items():
            if name not in file:
                _add(file, name, variable)
            for axis, dim in enumerate(variable.dims):
                file[name].dims[axis].label = dim
                if dim in contents.coordinates and dim != name:
                    file[name].dims[axis].attach_scale(file[dim])


def _add(file: h5py.File, name: str, variable: Variable) -> None:
    text = variable.values.dtype.kind == "U"
    dataset = file.create_dataset(
        name,
        data=variable.values.astype(object) if text else variable.values,
        dtype=h5py.string_dtype() if text else None,
    )
    for key, value in (("units", variable.units), ("long_name", variable.text)):
        if value:
            dataset.attrs[key] = value
