"""Formats of other programs in which a run can be written, one file each. To add one, add its file and name it here.

exporting.py    export, which writes a run in one of these formats, in a process of its own
"""

FORMATS = {
    "nc": "NetCDF 4, for xarray",
    "h5": "HDF5",
    "mat": "MATLAB 5",
    "csv": "a folder of CSV tables",
}
"""Format that each module writes; the name of the module is also the suffix of the file."""
