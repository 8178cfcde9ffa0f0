"""The trials of a sweep as a pandas frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labrig.errors import UsageError
from labrig.runs.load import MISSING
from labrig.runs.sweeps.table import read_table

if TYPE_CHECKING:
    import pandas as pd


def frame(folder: Path) -> pd.DataFrame:
    """Return a frame with a row for each trial, indexed by the folder of its run; see `labrig.load_sweep`."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("pandas is not installed", remedy=MISSING) from error
    table = read_table(folder)
    index = pandas.Index([str(folder / row["trial"]) for row in table.rows], name="run")
    columns = [name for name in table.columns if name != "trial"]
    return pandas.DataFrame([{name: row.get(name) for name in columns} for row in table.rows], index, columns)
