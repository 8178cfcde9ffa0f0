"""The CSV file that a task names."""

from __future__ import annotations

from pathlib import Path

from labrig.config.section import OptionError
from labrig.learning.tasks.task import Key, TaskContext
from labrig.quantities import as_written, escape_hint


def data_file(context: TaskContext, key: Key, written: str) -> Path:
    """Return the path of the file that the configuration names by `written` at `key` of the task's options.

    Raises OptionError if there is no such file.
    """
    file = context.locate(key)
    if file is not None:
        return file
    if Path(written).is_dir():
        raise OptionError(key, f"{as_written(written)} is a folder; name the CSV file in it")
    if Path(written).exists():
        raise OptionError(key, f"{as_written(written)} is a pipe or a device; write the data to a file and name it")
    if "://" in written:
        raise OptionError(key, f"{as_written(written)} is a web address; download the file, and name it")
    where = "next to the configuration that names it or among the packaged ones"
    raise OptionError(key, f"there is no file {as_written(written)} {where}{escape_hint(written)}")
