"""Reads type annotations of models for error messages: members of unions, keys of models, expected values."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, Tag
from pydantic.fields import FieldInfo

from labrig.quantities import QuantityField, WholeNumberField, as_written


@dataclass(frozen=True)
class Annotation:
    """A type and its metadata. `type` is Any if it is unknown."""

    type: Any
    metadata: tuple[Any, ...] = ()

    def peeled(self) -> Annotation:
        """Return the annotation without Annotated, `| None`, aliases and RootModel, but with all their metadata."""
        bare = self.type
        if get_origin(bare) is Annotated:
            inner, *metadata = get_args(bare)
            return Annotation(inner, (*metadata, *self.metadata)).peeled()
        if hasattr(bare, "__value__"):  # `type X = ...`
            return Annotation(bare.__value__, self.metadata).peeled()
        members = union_members(bare)
        if len(members) == 1:
            return Annotation(members[0], self.metadata).peeled()
        if isinstance(bare, type) and issubclass(bare, RootModel):
            return of_field(bare.model_fields["root"]).peeled()
        return self

    def members(self) -> list[Annotation]:
        """Return the members of a union except None; empty if this is not a union."""
        return [Annotation(member) for member in union_members(self.peeled().type)]

    def model(self) -> type[BaseModel] | None:
        """Return the model if the annotation is a model, else None."""
        bare = self.peeled().type
        return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None

    def below(self, part: str | int) -> Annotation:
        """Return the annotation of the entry or item `part`."""
        peeled = self.peeled()
        model = peeled.model()
        if model is not None:
            found = keys_of(model).get(str(part))
            return of_field(found) if found else UNKNOWN
        origin, arguments = get_origin(peeled.type), get_args(peeled.type)
        if not isinstance(origin, type) or not arguments:
            return UNKNOWN
        if issubclass(origin, Mapping):
            return Annotation(arguments[-1])
        if origin is tuple and not (len(arguments) == 2 and arguments[1] is ...):
            return Annotation(arguments[part]) if isinstance(part, int) and part < len(arguments) else UNKNOWN
        return Annotation(arguments[0])

    def choices(self) -> tuple[Any, ...]:
        """Return the values of a Literal; empty if this is not a Literal."""
        peeled = self.peeled()
        return get_args(peeled.type) if get_origin(peeled.type) is Literal else ()

    def quantity(self) -> QuantityField | None:
        """Return the quantity field of this value, or of its items or members; None if it is not a quantity."""
        peeled = self.peeled()
        for entry in peeled.metadata:
            if isinstance(entry, QuantityField):
                return entry
        inner = (Annotation(argument).quantity() for argument in get_args(peeled.type) if not peeled.choices())
        return next((found for found in inner if found), None)

    def describe(self) -> str:
        """Describe the expected value: "'auto'", "a time such as '20 ms'", 'a whole number', 'a list'."""
        peeled = self.peeled()
        for entry in peeled.metadata:
            if isinstance(entry, QuantityField | WholeNumberField):
                return entry.describe()
        if peeled.members():
            return " or ".join(dict.fromkeys(member.describe() for member in peeled.members()))
        if peeled.choices():
            return " or ".join(as_written(choice) for choice in peeled.choices())
        model = peeled.model()
        if model is not None:
            return f"a map of {', '.join(keys_of(model))}"
        origin = get_origin(peeled.type) or peeled.type
        if origin in _WORDS:
            return _WORDS[origin]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return "a map"
        if isinstance(origin, type) and issubclass(origin, Sequence | set | frozenset):
            return "a list"
        return "another value"

    def is_labelled(self, label: str) -> bool:
        """Return whether pydantic uses `label` for this member of a union in the location of an error."""
        if any(isinstance(entry, Tag) and entry.tag == label for entry in self.own_metadata()):
            return True
        model = self.model()
        if model is not None:
            tags = [choice for key in keys_of(model).values() for choice in of_field(key).choices()]
            return label in tags or re.search(rf"\b{re.escape(model.__name__)}\b", label) is not None
        bare = get_origin(self.peeled().type) or self.peeled().type
        return isinstance(bare, type) and label.startswith(f"{bare.__name__}[")

    def own_metadata(self) -> tuple[Any, ...]:
        """Return the metadata of this annotation and of its outermost Annotated."""
        return (*self.metadata, *(get_args(self.type)[1:] if get_origin(self.type) is Annotated else ()))


UNKNOWN = Annotation(Any)

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "a map",
}


def union_members(annotation: Any) -> list[Any]:
    """Return the members of a union except None; empty if it is not a union."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return []
    return [member for member in get_args(annotation) if member is not types.NoneType]


def of_field(field: FieldInfo) -> Annotation:
    """Return the annotation of a field with its metadata."""
    return Annotation(field.annotation, tuple(field.metadata))


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by their keys in a configuration."""
    return {written_key(name, field): field for name, field in model.model_fields.items()}


def written_key(name: str, field: FieldInfo) -> str:
    """Return the key of a field in a configuration: its alias if it has one."""
    return field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name
