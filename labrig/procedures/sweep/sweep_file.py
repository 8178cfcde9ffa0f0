"""SWEEP.yaml: a configuration, values of some of its keys, and seeds; and the trials that follow from them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from labrig import __version__
from labrig.assembly import Assembly, assemble
from labrig.assembly.check import packaged_configs
from labrig.config.document import Document
from labrig.config.extending import load_document
from labrig.config.marked import Marked, plain
from labrig.config.overrides import FILE, as_overrides, parse_override
from labrig.config.problems import ConfigProblems, Mark, Problem
from labrig.config.reading import read_text
from labrig.config.resolved import to_yaml
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.errors import ConfigError, UsageError
from labrig.extensions import modules_beside
from labrig.quantities import NonNegativeCount, as_written

_RANGE = re.compile(r"([0-9]{1,15})\.\.([0-9]{1,15})")
_LONGEST_NAME = 100
_MOST_SEEDS = 100_000


class SweepFile(Section):
    """The keys of SWEEP.yaml.

    Attributes
    ----------
    config : str
        The configuration, next to this file or among those that come with labrig.
    grid : dict
        Lists of values by configuration key; every combination is a trial.
    seeds : int, str or list
        One seed, `A..B` including B, or a list. By default the seed of the configuration.
    set : dict
        One value by configuration key, for all trials.
    """

    config: str
    grid: dict[str, list[Any]] = {}
    seeds: NonNegativeCount | str | list[NonNegativeCount] | None = None
    set: dict[str, Any] = {}


@dataclass(frozen=True)
class Trial:
    """One training run of a sweep.

    Parameters
    ----------
    name : str
        Name of its folder: the values, the seed, and a hash of the whole configuration.
    seed : int
    values : dict
        The values from the grid, by key.
    overrides : tuple of str
        Overrides of the configuration, including the seed.
    """

    name: str
    seed: int
    values: dict[str, Any]
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """The trials of a SWEEP.yaml.

    Parameters
    ----------
    name : str
        Name of the file without its ending.
    config : Path
        Absolute path of the configuration.
    keys : tuple of str
        The keys of the grid.
    trials : tuple of Trial
    warnings : tuple of Problem
        Warnings about the configurations, each once.
    """

    name: str
    config: Path
    keys: tuple[str, ...]
    trials: tuple[Trial, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True)
class _Value:
    """One value of a key, and where both are written."""

    key: str
    value: Any
    written: Marked
    key_mark: Mark

    @property
    def override(self) -> str:
        return as_overrides({self.key: self.value})[0]


def read_sweep(path: Path) -> Sweep:
    """Read SWEEP.yaml and check the configuration of every trial.

    Raises
    ------
    ConfigProblems
        With every problem found, each at its place in SWEEP.yaml or in the configuration.
    ConfigError
        If a file cannot be read.
    """
    document = load_document(path, packaged=packaged_configs())
    section = validate(document, (), SweepFile)
    document.problems.raise_if_any()
    assert section is not None
    config = _config(document, section.config)
    fixed, grid = _fixed(document), _grid(document)
    seeds = _seeds(document, section.seeds)
    if document.problems or config is None:
        document.problems.raise_if_any()
        raise AssertionError
    trials: dict[str, Trial] = {}
    warnings: dict[Problem, None] = {}
    for values in product(*grid):
        assembly = _checked(document, config, (*fixed, *values))
        if assembly is None:
            continue
        warnings |= dict.fromkeys(assembly.document.warnings)
        overrides = _overrides(assembly, (*fixed, *values))
        for seed in [assembly.seed] if seeds is None else seeds:
            name = _name(values, seed, _digest(assembly, seed))
            given = {value.key: value.value for value in values}
            trials.setdefault(name, Trial(name, seed, given, (*overrides, f"seed={seed}")))
    document.problems.raise_if_any()
    keys = tuple(column[0].key for column in grid)
    return Sweep(document.path.stem, config, keys, tuple(trials.values()), tuple(warnings))


def _config(document: Document, name: str) -> Path | None:
    """Return the configuration that the file names."""
    named_at = document.get(("config",))
    found = document.locate(name, named_at) or document.locate(f"{name}.yaml", named_at)
    if found is None:
        where = f"next to {document.path} or among the configurations of labrig"
        document.report(("config",), f"there is no file {as_written(name)} {where}")
        return None
    return found.resolve()


def _fixed(document: Document) -> list[_Value]:
    """Return the values of `set`, which every trial has."""
    written = document.get(("set",))
    entries = written.value if written is not None and isinstance(written.value, dict) else {}
    return [found for key, value in entries.items() if (found := _value(document, "set", key, value)) is not None]


def _grid(document: Document) -> list[list[_Value]]:
    """Return the values of each key of the grid."""
    written, fixed = document.get(("grid",)), document.get(("set",))
    columns = []
    for key, items in (written.value if written is not None and isinstance(written.value, dict) else {}).items():
        if fixed is not None and fixed.child(key) is not None:
            document.report(("grid", key), f"{key} is in 'set' as well; remove one of them", at_key=True)
        if not isinstance(items.value, list) or not items.value:
            document.report(("grid", key), "expected a list with at least one value")
            continue
        column = [_value(document, "grid", key, item, items.key_mark) for item in items.value]
        values = [value for value in column if value is not None]
        columns.append(values)
        for index, value in enumerate(values):
            if value.override in [other.override for other in values[:index]]:
                document.report(("grid", key, index), "this value is in the list already")
    return columns


def _value(document: Document, where: str, key: str, written: Marked, key_mark: Mark | None = None) -> _Value | None:
    """Return one value of a key; reports a problem and returns None if the key cannot be a configuration key."""
    mark = key_mark or written.key_mark or written.mark
    if key == "seed":
        document.report((where, key), "write the seeds at the top of the file: seeds: 0..4", at_key=True)
        return None
    try:
        parse_override(f"{key}=0")
    except UsageError:
        message = f"{as_written(key)} is not a key of a configuration; write e.g. learning.rate"
        document.report((where, key), message, at_key=True)
        return None
    return _Value(key, plain(written), written, mark)


def _seeds(document: Document, seeds: int | str | list[int] | None) -> list[int] | None:
    """Return the seeds; None for the seed of the configuration."""
    if isinstance(seeds, int):
        return [seeds]
    if not isinstance(seeds, str):
        if seeds is not None and not 0 < len(seeds) == len(set(seeds)):
            document.report(("seeds",), "write at least one seed, and each seed only once")
        return seeds
    found = _RANGE.fullmatch(seeds)
    if found is None:
        document.report(("seeds",), f"expected a seed, a range such as 0..4, or a list, got {as_written(seeds)}")
        return []
    first, last = map(int, found.groups())
    if last < first:
        document.report(("seeds",), f"the range {seeds} runs backwards; write {last}..{first}")
    elif last - first >= _MOST_SEEDS:
        document.report(("seeds",), f"{seeds} is {last - first + 1} seeds; the limit is {_MOST_SEEDS}")
    return list(range(first, last + 1)) if 0 <= last - first < _MOST_SEEDS else []


def _checked(document: Document, config: Path, values: tuple[_Value, ...]) -> Assembly | None:
    """Assemble a combination of values; if it has problems, report them where they are written and return None."""
    try:
        assembly = assemble(config, [value.override for value in values])
    except ConfigProblems as error:
        for problem in error.problems:
            mark = _written_at(problem.mark, values)
            if mark is not None and mark.file != str(document.path):
                document.problems.add_source(mark.file, read_text(Path(mark.file)))
            document.problems.add(mark, problem.path, problem.message)
        return None
    except ConfigError as error:
        document.report(("config",), str(error))
        return None
    if assembly.header.bench != "simulated":
        named = next((value.written.mark for value in values if value.key == "bench"), document.mark_of(("config",)))
        bench = as_written(assembly.header.bench)
        message = f"a sweep needs a simulated bench, but the bench is {bench}; write set: {{bench: simulated}}"
        document.problems.add(named, "bench", message)
        return None
    return assembly


def _written_at(mark: Mark | None, values: tuple[_Value, ...]) -> Mark | None:
    """Return where the sweep file contains the key or the value of the override that a problem marks."""
    if mark is None or mark.file != FILE:
        return mark
    value = values[mark.line - 1]
    return value.key_mark if mark.column <= len(value.key) else value.written.mark


def _overrides(assembly: Assembly, values: tuple[_Value, ...]) -> list[str]:
    """Return the overrides; a value that names a data file becomes an absolute path, because workers run elsewhere."""
    found = {mark.line: path for mark, path in assembly.document.located.items() if mark.file == FILE}
    return [
        as_overrides({value.key: found[line].resolve()})[0]
        if line in found and isinstance(value.value, str)
        else value.override
        for line, value in enumerate(values, 1)
    ]


def _digest(assembly: Assembly, seed: int) -> str:
    """Return a hash of everything that determines a training run: configuration, data, own modules, seed, version."""
    document = assembly.document
    files = {*document.located.values(), *_files(modules_beside(document.directory))}
    contents = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file())
    text = json.dumps([__version__, to_yaml(document), contents, seed])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from [path] if path.is_file() else path.rglob("*.py")


def _name(values: tuple[_Value, ...], seed: int, digest: str) -> str:
    """Return the name of a trial's folder: 'rate-0.1_seed-3_5d41402abc4b'."""
    parts = [f"{value.key.rpartition('.')[2]}-{_plain_text(value.value)}" for value in values]
    readable = re.sub(r"[^A-Za-z0-9.+_-]+", "", "_".join([*parts, f"seed-{seed}"]))
    return f"{readable[:_LONGEST_NAME].lstrip('.-')}_{digest}"


def _plain_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("µ", "u").replace("μ", "u")
