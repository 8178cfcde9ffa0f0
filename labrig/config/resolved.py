"""The configuration as used: every setting with its origin, and the merged configuration as one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, RootModel

from labrig.config.annotations import Annotation, keys_of, of_field, written_key
from labrig.config.document import Document
from labrig.config.marked import Marked, plain
from labrig.config.problems import Mark, TreePath, render_path
from labrig.config.yaml_core import CoreDumper
from labrig.quantities import exact_quantity, format_quantity

DEFAULT = "default"
FROM = "from "
"""Prefix of the origin of a value taken from another key. Such a value is not written to YAML, so it follows that key.
"""


class Derived(NamedTuple):
    """A default that is taken from another key: the value as it would be written, and that key."""

    value: Any
    key: str


class ResolvedValue(NamedTuple):
    """One setting: its dotted path, its value as text, and its origin ('iris.yaml:12', '--set' or 'default')."""

    path: str
    value: str
    origin: str


def flatten_resolved(document: Document, path: TreePath, instance: BaseModel) -> list[ResolvedValue]:
    """Return every setting of a validated model read from `path`, defaults included, in the order of the model."""
    return list(_flatten(document, path, instance, Annotation(type(instance))))


def to_yaml(document: Document) -> str:
    """Return the merged tree, wiring ranges expanded, as YAML that loads to the same values from any folder.

    A packaged data file keeps its name; any other data file is written with its absolute path.
    """
    return _dump(plain(_with_located_files(document, _without_derived(document.root))), flow=False)


def with_defaults(
    document: Document, path: TreePath, instance: BaseModel, otherwise: Mapping[TreePath, Any] | None = None
) -> Document:
    """Return the document with the defaults of a validated model filled in.

    Parameters
    ----------
    document : Document
        The configuration.
    path : tuple
        Where the model was read.
    instance : BaseModel
        The validated model.
    otherwise : mapping, optional
        For keys whose default is None, path → effective value (as it would be written, or Derived). Other keys that are
        None are left out, as they cannot be written.
    """
    filler = _Filler(dict(otherwise or {}))
    written = document.get(path)
    filled = filler.fill(written, path, instance, Annotation(type(instance)), document.mark_of(path))
    return document if filled is None else replace(document, root=_placed(document.root, path, filled))


@dataclass(frozen=True)
class _Filler:
    """Fills in defaults; `otherwise` as in `with_defaults`."""

    otherwise: dict[TreePath, Any]

    def fill(
        self, written: Marked | None, path: TreePath, value: Any, annotation: Annotation, mark: Mark
    ) -> Marked | None:
        """Return the value at `path`; a default gets `mark`, the start of the value that contains it."""
        below = _below(value, annotation)
        if below and (written is None or isinstance(written.value, dict | list)):
            mark = written.mark if written else mark
            filled = {
                part: self.fill(written.child(part) if written else None, (*path, part), inner, type_, mark)
                for part, inner, type_ in below
            }
            return self._gathered(written, filled, mark)
        if written is not None and written.value is not None:
            return written
        if value is None:
            return _stand_in(self.otherwise[path], mark) if path in self.otherwise else written
        return _marked(_as_configured(value, annotation), mark)

    @staticmethod
    def _gathered(written: Marked | None, filled: Mapping[str | int, Marked | None], mark: Mark) -> Marked | None:
        """Combine the existing parts into a map or a list; written keys keep their order."""
        there = {part: value for part, value in filled.items() if value is not None}
        if written is None and not there:
            return None
        node = written or Marked(None, mark, None, DEFAULT)
        if any(isinstance(part, int) for part in there):
            return replace(node, value=list(there.values()))
        before = node.value if isinstance(node.value, dict) else {}
        return replace(node, value=before | {str(part): value for part, value in there.items()})


def _placed(root: Marked, path: TreePath, value: Marked) -> Marked:
    """Return the tree with a value set at a path of keys."""
    if not path:
        return value
    entries = root.value if isinstance(root.value, dict) else {}
    key = str(path[0])
    below = entries.get(key, Marked({}, value.mark, None, DEFAULT))
    return replace(root, value={**entries, key: _placed(below, path[1:], value)})


def _stand_in(value: Any, mark: Mark) -> Marked:
    return _marked(value.value, mark, FROM + value.key) if isinstance(value, Derived) else _marked(value, mark)


def _without_derived(node: Marked) -> Marked:
    if not isinstance(node.value, dict):
        return node
    own = {key: below for key, below in node.value.items() if not below.origin.startswith(FROM)}
    return replace(node, value={key: _without_derived(below) for key, below in own.items()})


def _marked(value: Any, mark: Mark, origin: str = DEFAULT) -> Marked:
    """Return a tree for a value that is not written in the configuration."""
    if isinstance(value, dict):
        return Marked({str(key): _marked(inner, mark, origin) for key, inner in value.items()}, mark, None, origin)
    if isinstance(value, list | tuple):
        return Marked([_marked(inner, mark, origin) for inner in value], mark, None, origin)
    return Marked(value, mark, None, origin)


def _as_configured(value: Any, annotation: Annotation) -> Any:
    """Return a value of a model as it would be written."""
    quantity = annotation.quantity()
    if quantity is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return exact_quantity(value, quantity.dimension)
    return value


def _with_located_files(document: Document, node: Marked) -> Marked:
    if isinstance(node.value, dict):
        return replace(node, value={key: _with_located_files(document, below) for key, below in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[_with_located_files(document, item) for item in node.value])
    found = document.located.get(node.mark)
    if found is None or not isinstance(node.value, str):
        return node
    found, packaged = found.resolve(), document.packaged.resolve() if document.packaged else None
    inside = packaged is not None and found.is_relative_to(packaged)
    return replace(node, value=found.relative_to(packaged).as_posix() if packaged and inside else str(found))


def _dump(value: Any, *, flow: bool) -> str:
    return yaml.dump(
        value, Dumper=CoreDumper, allow_unicode=True, sort_keys=False, width=1 << 30, default_flow_style=flow
    )


def _flatten(document: Document, path: TreePath, value: Any, annotation: Annotation) -> Iterator[ResolvedValue]:
    written = document.get(path)
    below = _below(value, annotation)
    if below and (written is None or isinstance(written.value, dict | list)):
        for part, inner, inner_annotation in below:
            yield from _flatten(document, (*path, part), inner, inner_annotation)
    elif written is None:
        yield ResolvedValue(render_path(path), _default_text(value, annotation), DEFAULT)
    else:
        yield ResolvedValue(render_path(path), _flow(plain(written)), written.origin)


def _below(value: Any, annotation: Annotation) -> list[tuple[str | int, Any, Annotation]]:
    """Return the parts of a model, map or list with their keys as written; empty for a scalar."""
    if isinstance(value, RootModel):
        return _below(value.root, annotation)
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        names = {written_key(name, field): name for name, field in fields.items()}
        return [(key, getattr(value, names[key]), of_field(field)) for key, field in keys_of(type(value)).items()]
    if isinstance(value, dict):
        return [(str(key), inner, annotation.below(str(key))) for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return [(index, inner, annotation.below(index)) for index, inner in enumerate(value)]
    return []


def _default_text(value: Any, annotation: Annotation) -> str:
    quantity = annotation.quantity()
    if quantity is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return format_quantity(value, quantity.dimension)
    value = list(value) if isinstance(value, tuple) else value
    return _flow(value) if value is None or isinstance(value, str | int | float | list | dict) else str(value)


def _flow(value: Any) -> str:
    """Return a value as one line of YAML: 0.1, '1e3', [1, 2], null."""
    if isinstance(value, str) and value.isprintable():
        return value
    return _dump(value, flow=True).removesuffix("...\n").strip()
