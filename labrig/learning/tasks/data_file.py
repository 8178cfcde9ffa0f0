"""The CSV file that a task names."""

from __future__ import annotations

from pathlib import Path

from labrig.config.section import OptionError
from labrig.learning.tasks.task import Key, TaskContext
from labrig.quantities import as_written, escape_hint


def data_file(context: TaskContext, key: Key, written: str) -> Path:
    """Return the path of the file that the option `key` of the task names as `written`.

    Raises OptionError if there is no such file.
    """
    file = context.locate(key)
    if file is not None:
        return file
    if Path(written).is_dir():
        raise OptionError(key, f"{as_written(written)} is a folder; name the CSV file in it")
    if Path(written).exists():
        raise OptionError(
            key, f"{as_written(written)} is a pipe or a device; write the data to a file, and name that file"
        )
    if "://" in written:
        raise OptionError(key, f"{as_written(written)} is a web address; download the file, and name it")
    raise OptionError(key, f"there is no file {as_written(written)} {context.searched(key)}{escape_hint(written)}")
