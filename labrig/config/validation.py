"""Validates a part of the tree with a pydantic model; every error becomes a problem at its place, in plain words."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from labrig.config.annotations import Annotation, keys_of
from labrig.config.document import Document
from labrig.config.marked import Marked, comma_in_number, plain
from labrig.config.messages import did_you_mean, explain, key_problem, nearest
from labrig.config.problems import TreePath
from labrig.quantities import as_written, number_hint

Model = TypeVar("Model", bound=BaseModel)

# Errors that mean the value has the wrong type, rather than a wrong value.
_WRONG_TYPE = frozenset(
    {
        "model_type", "model_attributes_type", "dict_type", "mapping_type", "list_type", "tuple_type", "set_type",
        "frozen_set_type", "string_type", "bool_type", "int_type", "int_from_float", "float_type", "none_required",
        "quantity_type", "whole_number_type", "literal_error", "enum", "is_instance_of",
    }
)  # fmt: skip


def validate(document: Document, path: TreePath, model: type[Model]) -> Model | None:
    """Validate the value at a path of the document; a missing value counts as an empty map.

    Parameters
    ----------
    document : Document
        Where problems are reported.
    path : tuple
        Where the value is; () for the whole document.
    model : type
        The pydantic model.

    Returns
    -------
    Model or None
        None if there are problems: new ones, or earlier ones at or below `path` such as a duplicate key (for the whole
        document only new problems count). Also None for a broken document, which is not validated.
    """
    if document.broken:
        return None
    found = document.get(path)
    values = {} if found is None else plain(found)
    try:
        # From JSON, because only there strict pydantic accepts a list for a tuple and text for an enum.
        instance = model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        if found is None:
            _add(document, path, f"missing required key {as_written(path[-1])}", at_key=True)
            return None
        errors = [_Error(details["loc"], details) for details in error.errors(include_url=False)]
        _report(document, path, Annotation(model), errors)
        return None
    return None if path and document.problems.under(path) else instance


@dataclass(frozen=True)
class _Error:
    """An error of pydantic, and the part of its location below the current annotation."""

    rest: tuple[int | str, ...]
    details: ErrorDetails

    @property
    def kind(self) -> str:
        """Type of the error in pydantic."""
        return self.details["type"]


def _report(document: Document, path: TreePath, annotation: Annotation, errors: list[_Error]) -> None:
    """Add a problem for each error; all errors of one value against the members of a union give one problem."""
    leaves: list[tuple[TreePath, Annotation, _Error]] = []
    in_unions: dict[TreePath, tuple[Annotation, list[_Error]]] = {}
    for error in errors:
        place, below, rest = path, annotation, error.rest
        while rest and not below.members() and rest[1:] != ("[key]",) and not _ends(error, rest):
            place, below, rest = (*place, rest[0]), below.below(rest[0]), rest[1:]
        if rest and below.members():
            in_unions.setdefault(place, (below, []))[1].append(_Error(rest, error.details))
        else:
            leaves.append((place, below, _Error(rest, error.details)))
    # A misspelt key is both unknown and missing; it is reported once.
    misspelt = {
        (*place, nearest(error.rest[0], below)) for place, below, error in leaves if error.kind == "extra_forbidden"
    }
    for place, below, error in leaves:
        # Invalid items are not counted: a list of only invalid items is not reported as too short as well.
        counted = error.kind == "too_short" and any(other[: len(place)] == place != other for other, _, _ in leaves)
        if not counted and (error.kind != "missing" or (*place, *error.rest) not in misspelt):
            _add_error(document, place, below, error)
    for place, (union, branches) in in_unions.items():
        _report_union(document, place, union, branches)


def _ends(error: _Error, rest: TreePath) -> bool:
    """Return whether the rest of the location is a missing or unknown key, which has no annotation."""
    return len(rest) == 1 and error.kind in ("missing", "extra_forbidden")


def _report_union(document: Document, place: TreePath, union: Annotation, errors: list[_Error]) -> None:
    """Report a value that no member of a union accepts, as an error of the member it was meant for."""
    written = document.get(place)
    value = None if written is None else written.value
    branches: dict[str, list[_Error]] = {}
    for error in errors:
        branches.setdefault(str(error.rest[0]), []).append(_Error(error.rest[1:], error.details))
    meant = {
        label: branch
        for label, branch in branches.items()
        if not all(not error.rest and error.kind in _WRONG_TYPE for error in branch)
    }
    if isinstance(value, str) and len(branches) > 1:
        choices = [choice for member in union.members() for choice in member.choices() if isinstance(choice, str)]
        looks_like_a_number = value.strip()[:1] in "+-.0123456789"
        if choices and (difflib.get_close_matches(value, choices, 1, 0.6) or not looks_like_a_number):
            meant = {}
    if not meant:
        choices = [str(choice) for member in union.members() for choice in member.choices()]
        got = written.text if written and isinstance(value, int | float) and written.text else as_written(value)
        message = f"expected {union.describe()}, got {got}"
        _add(document, place, f"{message}{did_you_mean(value, choices)}")
        return
    # Among maps the one with the fewest errors; members of other types were dropped above.
    label = min(meant, key=lambda label: len(meant[label]))
    members = union.members()
    member = next((member for member in members if member.is_labelled(label)), None)
    if member is None:
        described = [member for member in members if not member.model() and not member.choices()]
        member = described[0] if len(described) == 1 else Annotation(Any)
    _report(document, place, member, meant[label])


def _add_error(document: Document, place: TreePath, annotation: Annotation, error: _Error) -> None:
    rest = error.rest
    if rest and error.kind in ("missing", "extra_forbidden"):
        written: Marked | None = document.get(place)
        message = key_problem(error.kind, rest[0], annotation, None if written is None else written.value)
        full_path = (*place, rest[0])
        if isinstance(rest[0], int):  # an item of a tuple
            _add(document, place, message)
        else:
            _add(document, full_path, message, at_key=True)
        return
    if rest:  # ('key', '[key]'): the key itself is invalid
        _add(document, (*place, rest[0]), explain(error.details, annotation), at_key=True)
        return
    written = document.get(place)
    message = explain(error.details, annotation, written.text if written else None)
    # The validator of a whole section may name the key to blame.
    key, colon, after = message.partition(": ")
    model = annotation.model()
    if colon and model is not None and error.kind == "value_error" and key in keys_of(model):
        place, message = (*place, key), after
    found = document.get(place)
    at_key = found is None or isinstance(found.value, dict)
    _add(document, place, message, at_key=at_key)


def _add(document: Document, path: TreePath, message: str, *, at_key: bool = False) -> None:
    """Add a problem unless there is already one at this place, so that each mistake is reported once."""
    mark = document.key_mark_of(path) if at_key else document.mark_of(path)
    item = path[-1] if path and isinstance(path[-1], int) else None
    listed = document.get(path if item is None else path[:-1])
    number = comma_in_number(listed, item) if listed else None
    if number is not None:
        message = f"{message}; in a list a comma separates items, so {number!r} is two items{number_hint(number)}"
    if not document.problems.holds(mark, path):
        document.problems.add(mark, path, message)
