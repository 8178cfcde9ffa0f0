"""Records of the instruments in use, with all information needed to make them safe without their configuration.

A record is a small file, which is written before an instrument is opened, and deleted after it was made safe and
closed. `labrig safe`, and the next program that opens the instrument, therefore know which instruments a killed process
left behind.

The folder is the same for every process and user of this machine. It survives a restart of the computer, because the
instruments keep running meanwhile. Every user can read a record, but only its owner can write it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shlex
import stat
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from labrig.errors import StorageError, reason

FOLDER = Path(os.environ.get("PROGRAMDATA", "C:/") if sys.platform == "win32" else "/var/tmp") / "labrig-instruments"

_LONGEST = 1 << 16
_SHARED = 0o1777
"""Permissions of the folder: every user can add files, but cannot delete files of other users."""


@dataclass(frozen=True)
class Record:
    """An instrument in use.

    Parameters
    ----------
    name : str
        Name of the instrument in the configuration.
    driver, kind : str
        Name of the driver, and the kind of instrument: 'source', 'digitizer' or 'programmer'.
    address : str
        Address of the instrument, as the driver states it.
    options : mapping
        The driver's options as JSON, with quantities including units.
    key : str
        Driver and canonical address; two records with the same key belong to the same instrument.
    pid : int
        ID of the process that uses the instrument.
    command, folder : str
        Command line of that process, and its working directory.
    opened_ns : int
        Time when the instrument was opened (ns since 1970).
    safe_levels : mapping
        Level (V) that a channel of a source holds when it is made safe; other channels are switched off.
    stage : int or None
        Stage in which the instrument is made safe, beginning with 0. None: sources first, then the rest.
    made_safe : bool
        Whether the instrument was made safe by another user, who cannot delete this record but can supersede it.
    """

    name: str
    driver: str
    kind: str
    address: str
    options: Mapping[str, Any]
    key: str = ""
    pid: int = field(default_factory=os.getpid)
    command: str = field(default_factory=lambda: _command())
    folder: str = field(default_factory=lambda: _working_directory())
    opened_ns: int = field(default_factory=time.time_ns)
    safe_levels: Mapping[str, float] = field(default_factory=dict[str, float])
    stage: int | None = None
    made_safe: bool = False

    @property
    def safe_stage(self) -> int:
        """Stage in which the instrument is made safe."""
        return safe_stage(self.kind, self.stage)

    @property
    def user(self) -> str:
        """Description of the process that uses the instrument: its ID, command, folder and start."""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.opened_ns / 1e9))
        return f"process {self.pid} ({textwrap.shorten(self.command, 60, placeholder=' …')} in {self.folder}, {when})"

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return asdict(self)


def safe_stage(kind: str, stage: int | None) -> int:
    """Return the stage in which an instrument is made safe; if `stage` is None, sources come first."""
    return stage if stage is not None else 0 if kind == "source" else 1


def write(record: Record) -> None:
    """Write a record, or replace this user's record of the same instrument. Raises StorageError if this fails."""
    path = _path(record)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        require_folder()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(new, flags, 0o644), "w", encoding="utf-8") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o644)  # whatever the umask
            json.dump(record.to_json(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise StorageError(
            f"cannot record that this instrument is in use: {reason(error)}",
            device=record.name,
            action="open",
            remedy=f"make {FOLDER} writable: without the record, the instrument could not be made safe if this "
            "program were killed",
        ) from error


def remove(record: Record) -> None:
    """Delete the record of an instrument that is safe. Raises StorageError if this fails."""
    foreign = False
    try:
        for path in FOLDER.glob(f"{file_name(record.key)}.*.json"):
            try:
                path.unlink(missing_ok=True)
            except PermissionError:  # of another user
                foreign = True
    except OSError as error:
        raise StorageError(f"cannot delete the record of {record.name}: {reason(error)}") from error
    if foreign:
        write(replace(record, made_safe=True, opened_ns=time.time_ns()))


def touch(record: Record) -> None:
    """Update the time stamp of a record, so that it is not deleted as an old file."""
    with contextlib.suppress(OSError):
        os.utime(_path(record), follow_symlinks=False)


def read_all() -> tuple[list[Record], list[str]]:
    """Return the newest record of every instrument in use, oldest first, and a message for each damaged file."""
    newest: dict[str, Record] = {}
    problems: list[str] = []
    for found in _records():
        if isinstance(found, str):
            problems.append(found)
        elif found.key not in newest or newest[found.key].opened_ns < found.opened_ns:
            newest[found.key] = found
    in_use = [record for record in newest.values() if not record.made_safe]
    return sorted(in_use, key=lambda record: record.opened_ns), problems


def find(key: str) -> Record | None:
    """Return the record of an instrument; None if it is not in use."""
    return next((record for record in read_all()[0] if record.key == key), None)


def require_folder() -> None:
    """Create the folder of records if necessary. Raises StorageError if the folder is not safe to use."""
    with contextlib.suppress(FileExistsError):
        FOLDER.mkdir()
        FOLDER.chmod(_SHARED)  # whatever the umask
    found = FOLDER.lstat()
    if sys.platform == "win32":
        return
    own = found.st_uid in (0, os.getuid())
    if not stat.S_ISDIR(found.st_mode) or not (own or found.st_mode & stat.S_ISVTX):
        raise StorageError(
            f"{FOLDER} is not a folder that users can share safely",
            remedy=f"delete it (sudo rm -r {FOLDER}); labrig creates it again",
        )


def file_name(key: str) -> str:
    """Return a readable file name, which is different for every key."""
    readable = re.sub(r"[^\w.-]+", "_", key, flags=re.ASCII)[:48]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _records() -> Iterator[Record | str]:
    """Yield every record that can be read, and a message for each file that cannot."""
    for path in sorted(FOLDER.glob("*.json")):
        try:
            with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ValueError("it is not a regular file")
                record = TypeAdapter(Record).validate_json(file.read(_LONGEST))
        except FileNotFoundError:  # closed in the meantime
            continue
        except (OSError, ValueError) as error:  # ValidationError is a ValueError
            yield f"{path} cannot be read: {reason(error)}"
        else:
            yield record


def _path(record: Record) -> Path:
    return FOLDER / f"{file_name(record.key)}.{os.getuid() if hasattr(os, 'getuid') else 0}.json"


def _command() -> str:
    program = Path(sys.argv[0]).name
    return shlex.join(["labrig" if program == "__main__.py" else program, *sys.argv[1:]])


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was deleted
        return "?"
