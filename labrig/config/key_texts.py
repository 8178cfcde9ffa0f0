"""Texts about the keys of a section for its JSON schema, from the docstring of its model."""

from __future__ import annotations

import inspect
import re
from typing import Any

from labrig.config.annotations import keys_of, of_field
from labrig.quantities import exact_quantity

_HEADING = re.compile(r"\n(?:Attributes|Parameters)\n-{3,}\n(.*?)(?=\n\S[^\n]*\n-{3,}\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^(\w[\w, ]*?)(?: ?:[^\n]*)?\n((?:(?:    [^\n]*)?\n?)+)", re.MULTILINE)


def key_texts(model: type[Any]) -> dict[str, str]:
    """Return the text of each key that the docstring of a model, or of one of its bases, explains."""
    texts: dict[str, str] = {}
    for each in reversed(model.__mro__):
        for section in _HEADING.findall(inspect.cleandoc(vars(each).get("__doc__") or "") + "\n"):
            for names, text in _ENTRY.findall(section + "\n"):
                words = " ".join(text.split())
                texts |= dict.fromkeys((name.strip() for name in names.split(",")), words)
        texts |= _in_sentences(each)
    return texts


def _in_sentences(model: type[Any]) -> dict[str, str]:
    """Return the texts, by key, of a docstring such as 'eta: how far outputs are clamped. floor: smallest error.'."""
    paragraphs = inspect.cleandoc(vars(model).get("__doc__") or "").split("\n\n")
    names = "|".join(map(re.escape, vars(model).get("__annotations__", ())))
    for paragraph in paragraphs:
        parts = re.split(rf"(?:^|(?<=\. ))({names}): ", " ".join(paragraph.split())) if names else []
        if len(parts) > 1 and not parts[0]:
            return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return {}


def described(schema: dict[str, Any], model: type[Any]) -> None:
    """Add the texts of a model's docstring to its JSON schema, and write defaults with their units.

    A hook of pydantic (`json_schema_extra`).
    """
    texts = key_texts(model)
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    for name, field in keys_of(model).items():
        value = properties.get(name)
        if value is None:
            continue
        value.pop("title", None)
        if text := texts.get(name) or texts.get(f"{name}_"):  # from_ is the attribute of the key `from`
            value["description"] = text
        quantity = of_field(field).quantity()
        if quantity is not None and isinstance(field.default, float):
            value["default"] = exact_quantity(field.default, quantity.dimension)
    schema["description"] = inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    schema.pop("title", None)
