"""A part of the tree → a pydantic model; everything pydantic refuses becomes a problem at its place, in plain words."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from labrig.config.annotations import Annotation, keys_of
from labrig.config.document import Document
from labrig.config.marked import Marked, plain
from labrig.config.messages import did_you_mean, explain, key_problem, nearest
from labrig.config.problems import TreePath
from labrig.quantities import as_written

Model = TypeVar("Model", bound=BaseModel)

# The value is of a kind that this type does not take at all.
_OF_ANOTHER_KIND = frozenset(
    {
        "model_type", "model_attributes_type", "dict_type", "mapping_type", "list_type", "tuple_type", "set_type",
        "frozen_set_type", "string_type", "bool_type", "int_type", "int_from_float", "float_type", "none_required",
        "quantity_type", "whole_number_type", "literal_error", "enum", "is_instance_of",
    }
)  # fmt: skip


def validate(document: Document, path: TreePath, model: type[Model]) -> Model | None:
    """Validate the value at a path of the document; a value that is not there counts as an empty map.

    Returns None if it has problems: new ones, which are added to the document's, or problems found there before (a
    duplicate key, a range of the wrong length); problems found before in some section are not held against the root.
    A broken document, in which parts may be missing, is not judged.
    """
    if document.broken:
        return None
    found = document.get(path)
    values = {} if found is None else plain(found)
    try:
        # Through JSON, because strict pydantic takes a list for a tuple and text for an enum only from there.
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
    """An error of pydantic and what is left of its place on the way down from some annotation."""

    rest: tuple[int | str, ...]
    details: ErrorDetails

    @property
    def kind(self) -> str:
        return self.details["type"]


def _report(document: Document, path: TreePath, annotation: Annotation, errors: list[_Error]) -> None:
    """Add a problem for each error; the errors of one value against the members of a union become one."""
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
    # A key that is misspelt is unknown and missing at once: one mistake is reported once.
    misspelt = {
        (*place, nearest(error.rest[0], below)) for place, below, error in leaves if error.kind == "extra_forbidden"
    }
    for place, below, error in leaves:
        # Items that are refused are not counted: a list of nothing but those is not too short as well.
        counted = error.kind == "too_short" and any(other[: len(place)] == place != other for other, _, _ in leaves)
        if not counted and (error.kind != "missing" or (*place, *error.rest) not in misspelt):
            _add_error(document, place, below, error)
    for place, (union, branches) in in_unions.items():
        _report_union(document, place, union, branches)


def _ends(error: _Error, rest: TreePath) -> bool:
    """Whether the rest of the place is a key that is missing or not known, which the annotation does not hold."""
    return len(rest) == 1 and error.kind in ("missing", "extra_forbidden")


def _report_union(document: Document, place: TreePath, union: Annotation, errors: list[_Error]) -> None:
    """One value, refused by each member of a union: report the member it was meant for."""
    written = document.get(place)
    value = None if written is None else written.value
    branches: dict[str, list[_Error]] = {}
    for error in errors:
        branches.setdefault(str(error.rest[0]), []).append(_Error(error.rest[1:], error.details))
    meant = {
        label: branch
        for label, branch in branches.items()
        if not all(not error.rest and error.kind in _OF_ANOTHER_KIND for error in branch)
    }
    if isinstance(value, str) and len(branches) > 1:
        choices = [choice for member in union.members() for choice in member.choices() if isinstance(choice, str)]
        looks_like_a_number = value.strip()[:1] in "+-.0123456789"
        if choices and (difflib.get_close_matches(value, choices, 1, 0.6) or not looks_like_a_number):
            meant = {}
    if not meant:
        choices = [str(choice) for member in union.members() for choice in member.choices()]
        message = f"expected {union.describe()}, got {as_written(value)}"
        _add(document, place, f"{message}{did_you_mean(value, choices)}")
        return
    # Among maps the one with the fewest complaints; members of other kinds were dropped above.
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
    if rest:  # ('key', '[key]'): the key itself is refused
        _add(document, (*place, rest[0]), explain(error.details, annotation), at_key=True)
        return
    message = explain(error.details, annotation)
    # A validator of a whole section says which key is to blame.
    key, colon, after = message.partition(": ")
    model = annotation.model()
    if colon and model is not None and error.kind == "value_error" and key in keys_of(model):
        place, message = (*place, key), after
    found = document.get(place)
    at_key = found is None or isinstance(found.value, dict)
    _add(document, place, message, at_key=at_key)


def _add(document: Document, path: TreePath, message: str, *, at_key: bool = False) -> None:
    """Add a problem, unless this place is already at problem: one mistake is reported once."""
    mark = document.key_mark_of(path) if at_key else document.mark_of(path)
    if not document.problems.holds(mark, path):
        document.problems.add(mark, path, message)
