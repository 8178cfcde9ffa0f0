"""Targets of fuzz.py: configurations, data files and the files of a run, mutated before they are read."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

from crash.forks import CONFIGS, forked, run_to_the_end
from crash.fuzz import NotAnError, Target
from crash.mutations import TEXTS, mutated

from labrig.assembly import assemble
from labrig.runs.folder import RunFolder
from labrig.runs.integrity import damages
from labrig.runs.journal import read_journal, read_overview
from labrig.runs.load import LoadedRun
from labrig.runs.notes import read_notes
from labrig.runs.summary import summarize

OLD_RUNS = Path(__file__).resolve().parents[1] / "unit" / "runs"
YAML_WORDS = (
    *TEXTS,
    b": ",
    b"- ",
    b"\t",
    b"{",
    b"]",
    b"|",
    b"'",
    b"? ",
    b"---",
    b" mV",
    b" MHz",
    b"1 fS",
    b"in0..in999999",
)
CSV_WORDS = (*TEXTS, b",", b";", b"\t", b"\r", b'""', b"1,5", b"1e5", b"setosa", b"--")


def file_targets(folder: Path) -> dict[str, Target]:
    """All of them, by name; `folder` is for their files."""
    runs = Runs(folder)
    return {
        "configurations": Configurations(folder),
        "journals": runs.of("run.db"),
        "data": DataFiles(folder),
        "logs": runs.of("run.db-wal"),
        "metadata": runs.of("meta.json"),
        "overrides": Overrides(folder),
        "spectra and notes": runs.of("spectrum.npz", "notes.jsonl", "config.resolved.yaml"),
    }


class Configurations:
    """Packaged configurations, changed and assembled."""

    made = 0

    def __init__(self, folder: Path) -> None:
        self._folder = _copied_configs(folder / "configs")
        self._texts = {path.name: path.read_bytes() for path in sorted(self._folder.glob("*.yaml"))}

    def case(self, rng: random.Random) -> None:
        self.made += 1
        name = rng.choice(list(self._texts))
        path = self._folder / "mutated.yaml"
        path.write_bytes(mutated(rng, self._texts[name], list(self._texts.values()), YAML_WORDS))
        assemble(path)


class Overrides:
    """Words of --set."""

    made = 0

    def __init__(self, folder: Path) -> None:
        self._folder = _copied_configs(folder / "overridden")
        self._words = [
            b"learning.rate=0.1",
            b"acquisition.window=20 ms",
            b"simulation.faults=[{what: reset, where: pots, acquisition: 6}]",
            b"task.target.rms=1 nV",
            b"instruments.daq.full_scale=2 V",
            b"wiring.in0={drive: awg/0, through: 50 \xce\xa9}",
            b"network.programmable.range=[10 \xc2\xb5S, 100 \xc2\xb5S]",
        ]

    def case(self, rng: random.Random) -> None:
        self.made += 1
        word = mutated(rng, rng.choice(self._words), self._words, YAML_WORDS).decode("utf-8", "surrogateescape")
        assemble(self._folder / "divider.yaml", [word])


class DataFiles:
    """iris.csv, and the table of a regression."""

    made = 0

    def __init__(self, folder: Path) -> None:
        self._folder = _copied_configs(folder / "data")
        self._whole = (self._folder / "iris.csv").read_bytes()
        lines = self._whole.splitlines(keepends=True)
        self._short = b"".join(lines[:1] + lines[1:46:3] + lines[51:96:3] + lines[101:146:3])

    def case(self, rng: random.Random) -> None:
        self.made += 1
        sample = rng.choice((self._whole, self._short, self._short))
        (self._folder / "iris.csv").write_bytes(mutated(rng, sample, [self._whole], CSV_WORDS))
        assemble(self._folder / "iris.yaml", ["task.split={train_per_class: 5, test_per_class: 5}"])


class Runs:
    """Runs of this labrig and of earlier ones: finished, killed, with samples."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "runs"
        self.folder.mkdir()
        self.samples: list[Path] = []
        made = {
            "xor": ("xor.yaml", ("learning.epochs=4", "learning.evaluate.every=2"), None),
            "killed": ("xor.yaml", ("learning.epochs=6", "learning.evaluate.every=2"), 4),
            "raw": ("divider.yaml", ("learning.epochs=3", "storage.raw=true"), None),
        }
        for name, (config, overrides, killed_after) in made.items():
            path = self.folder / name
            process, pipe = forked(lambda _, p=path, c=config, o=overrides, k=killed_after: _made(p, c, o, k))
            os.waitpid(process, 0)
            os.close(pipe)
            (path / "notes.jsonl").write_text('{"written": "2030-01-01T00:00:00+00:00", "text": "a", "tags": ["b"]}\n')
            self.samples.append(path)
        for old in sorted(OLD_RUNS.glob("written_by_schema_*")):
            self.samples.append(Path(shutil.copytree(old, self.folder / old.name)))

    def of(self, *names: str) -> RunFiles:
        """Mutate the files of these names."""
        return RunFiles(self, names)


def _made(path: Path, config: str, overrides: tuple[str, ...], killed_after: int | None) -> None:
    def stop(what: Any) -> None:
        if killed_after is not None and getattr(what, "index", 0) >= killed_after:
            os.kill(os.getpid(), signal.SIGKILL)

    run_to_the_end(path, config, overrides, stop)


class RunFiles:
    """Files of a run that are read by every command that shows one."""

    made = 0

    def __init__(self, runs: Runs, names: tuple[str, ...]) -> None:
        self._runs = runs
        self._files = [path / name for path in runs.samples for name in names if (path / name).is_file()]
        self._contents = [file.read_bytes() for file in self._files]
        self._copy = runs.folder / "mutated"

    def case(self, rng: random.Random) -> None:
        self.made += 1
        number = rng.randrange(len(self._files))
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._files[number].parent, self._copy)
        (self._copy / self._files[number].name).write_bytes(mutated(rng, self._contents[number], self._contents))
        before = _contents(self._copy)
        failures: list[Exception] = []
        for read in (_summarize, _damages, _journal, _overview, _loaded, _notes):
            try:
                read(RunFolder(self._copy))
            except Exception as error:
                failures.append(error)
        after = _contents(self._copy)
        if changed := [name for name in {**before, **after} if before.get(name) != after.get(name)]:
            raise NotAnError(f"reading changed {changed}")
        if failures:
            raise ExceptionGroup("refused", failures)


def _summarize(folder: RunFolder) -> None:
    summarize(folder)


def _damages(folder: RunFolder) -> None:
    damages(folder, samples=True)


def _journal(folder: RunFolder) -> None:
    read_journal(folder.journal)


def _overview(folder: RunFolder) -> None:
    read_overview(folder.journal)


def _loaded(folder: RunFolder) -> None:
    LoadedRun(folder)


def _notes(folder: RunFolder) -> None:
    read_notes(folder)


def _contents(folder: Path) -> dict[str, bytes]:
    """All but the index of the log, which SQLite makes again."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.endswith("-shm")]
    return {path.name: path.read_bytes() for path in files}


def _copied_configs(folder: Path) -> Path:
    shutil.copytree(CONFIGS, folder)
    return folder
