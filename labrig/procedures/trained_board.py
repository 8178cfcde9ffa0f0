"""Assembles a board with the conductances of a run, to be scored, certified, programmed or trained further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from labrig.assembly import Assembly, assemble
from labrig.assembly.check import packaged_configs
from labrig.assembly.sections.trained import PATH, conductances_of
from labrig.assembly.terminals import terminals
from labrig.config.document import Document
from labrig.config.extending import load_document
from labrig.config.overrides import as_overrides
from labrig.config.problems import ConfigProblems, render_path
from labrig.errors import UsageError
from labrig.procedures.new_data import NewData
from labrig.runs.folder import RunFolder
from labrig.runs.integrity import configuration_of
from labrig.runs.journal import Terminal, read_journal


def trained_board(
    folder: RunFolder,
    config: Path | None = None,
    overrides: Sequence[str] = (),
    *,
    data: Path | None = None,
    scored: bool = False,
) -> Assembly:
    """Assemble a board that starts with the conductances after the last step of a run.

    The split into training and test examples is that of the run: another configuration gets the seed of the run, unless
    `overrides` contains a seed. The seed of its simulated board stays the same.

    Parameters
    ----------
    folder
        The folder of the run.
    config
        The configuration of the board; by default that of the run.
    overrides
        Overrides as for `assemble`.
    data
        CSV file that replaces the data file of the task. It is scaled as the run's training examples were,
        and all of it is in the test set unless `overrides` contains a split.
    scored
        Whether the board is only scored, not trained; `learning.epochs` is then 0.

    Raises
    ------
    ConfigError
        If the configuration or the data are not valid, or the network of the board is not that of the run.
    UsageError
        If the task has no data file to replace, or inputs and outputs would not mean the same as in the run.
    StorageError
        If the run is damaged, or ended before its conductances were stored.
    """
    path = configuration_of(folder) if config is None else config
    document = load_document(path, packaged=packaged_configs(), overrides=overrides)
    more: dict[str, object] = {render_path(PATH): {"run": folder.path.resolve()}}
    if scored:
        more["learning.epochs"] = 0
    if config is not None:
        more |= _seeds(folder, document, overrides)
    if data is None:
        return _assembled(path, (*overrides, *as_overrides(more)), folder)
    trained_with = read_journal(folder.journal).terminals
    new = NewData(data, document, trained_with, overrides)
    new.check_file()
    more |= new.settings()
    try:
        assembly = _assembled(path, (*overrides, *as_overrides(more)), folder)
    except ConfigProblems as error:
        raise new.blamed(error) from error
    _require_same_meaning(folder, trained_with, terminals(assembly))
    new.note(assembly)
    return assembly


def _assembled(path: Path, overrides: Sequence[str], folder: RunFolder) -> Assembly:
    """Assemble a configuration; if that fails because the run is damaged, raise StorageError, as for any other reader.

    Without this, the damage would be reported as a mistake in a setting that the user has not given.
    """
    try:
        return assemble(path, overrides)
    except ConfigProblems:
        conductances_of(folder)
        raise


def _require_same_meaning(folder: RunFolder, then: Sequence[Terminal], now: Sequence[Terminal]) -> None:
    """Raise UsageError for data whose features or classes differ from those for which the board was trained."""
    if not then:
        raise UsageError(
            f"--data: {folder.path} was written by an older labrig, which did not record the meaning of its inputs"
        )
    for was, would_be in zip_longest(then, now):
        if (
            was is None
            or would_be is None
            or replace(was, channel="", node="") != replace(would_be, channel="", node="")
        ):
            named = [each.text if each else "nothing" for each in (was, would_be)]
            where = next(each.node for each in (was, would_be) if each)
            raise UsageError(
                f"--data: {where} was {named[0]} in {folder.path}, but would be {named[1]} now",
                remedy="give data with the same features and classes",
            )


def _seeds(folder: RunFolder, document: Document, overrides: Sequence[str]) -> dict[str, object]:
    """Return settings: the seed of the run, and the simulation seed that keeps the simulated board the same."""
    if any(text.startswith("seed=") for text in overrides):
        return {}
    own, simulated = document.get(("seed",)), document.get(("simulation", "seed"))
    kept = {} if simulated is not None else {"simulation.seed": 0 if own is None else own.value}
    return {"seed": folder.meta()["seed"], **kept}
