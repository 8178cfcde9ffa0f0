"""Every key of a configuration with its values, its default and its meaning, from the JSON schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

BEGIN, END = "<!-- begin: labrig schema --keys -->", "<!-- end: labrig schema --keys -->"
"""The generated section of configs/README.md is between these lines."""

NAMED_BY = {"instruments": "NAME", "wiring": "NODE"}
"""Placeholder, in the path of a key, for the names that the user gives to entries of a section."""


@dataclass(frozen=True)
class Key:
    """One key: its section (or driver, for an instrument), its path there, and its values, default and meaning."""

    section: str
    path: str
    values: str
    default: str
    meaning: str


def keys_of(schema: Schema, texts: Mapping[tuple[str, str], str]) -> list[Key]:
    """Return the keys of a configuration in the order of the schema.

    Parameters
    ----------
    schema : mapping
        The JSON schema.
    texts : mapping of (section, path) to str
        Meanings that replace those in the schema.
    """
    whole = schema["definitions"]["whole"]
    walk = _Walk(schema["definitions"])
    found: dict[tuple[str, str], Key] = {}
    top = {name: below for name, below in whole["properties"].items() if name == "extends" or not walk.is_map(below)}
    for section, below in (top | whole["properties"]).items():
        plain = section == "extends" or not walk.is_map(below)
        rows = [("", section, below, section in whole["required"])] if plain else walk.rows(below, section)
        for group, path, value, required in rows:
            place = (group or section, path) if not plain else ("", path)
            values = walk.values(value)
            below = not plain and next(walk.rows(value, section), None) is not None and values in ("map", "list of map")
            if value and place not in found and not below:
                found[place] = Key(*place, values, _default(value, required), _meaning(*place, value, texts))
    return list(found.values())


def markdown(keys: list[Key]) -> str:
    """Return tables of keys, one for each section, between the lines BEGIN and END."""
    lines = [BEGIN]
    section = None
    for key in keys:
        if key.section != section:
            section = key.section
            lines += ["", f"#### {section or 'Top of the file'}", "", "| key | values | default | meaning |"]
            lines.append("|---|---|---|---|")
        cells = f"`{key.path}`", key.values, key.default, key.meaning
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, "", END])


def written_texts(readme: str) -> dict[tuple[str, str], str]:
    """Return the meanings in the tables of configs/README.md, by section (or driver) and key.

    A table whose first heading is a name in backticks, such as `generic.source`, belongs to that driver or class.
    """
    texts: dict[tuple[str, str], str] = {}
    section, header, about = "", list[str](), ""
    for line in readme.partition(BEGIN)[0].splitlines():
        if line.startswith("### "):
            section = line.removeprefix("### ").strip()
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip().replace("\0", "\\|") for cell in line.replace("\\|", "\0").strip("|").split("|")]
        if not header:
            header = cells
            about = cells[0].strip("`") if cells[0].startswith("`") else section
            continue
        if "meaning" not in header or len(cells) != len(header):
            continue
        for key in re.findall(r"`([^`]+)`", cells[0]):
            texts.setdefault((about, key), cells[header.index("meaning")])
    return texts


def _meaning(section: str, path: str, value: Schema, texts: Mapping[tuple[str, str], str]) -> str:
    """Return the text in the tables for the longest matching end of the path, or else the text in the schema."""
    parts = path.split(".")
    for about in (section or "Top of the file", *(["instruments", "card"] if "." in section else [])):
        for first in range(len(parts)):
            end = ".".join(parts[first:])
            for written in (end, end.replace("[]", "")):
                if texts.get((about, written)):
                    return texts[about, written]
    return str(value.get("description", "")).replace("\n", " ")


def _default(value: Schema, required: bool) -> str:
    if required:
        return "required"
    default = value.get("default")
    if default is None:
        return ""
    if default == {} or default == []:
        return "none"
    return f"`{_written(default)}`"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(each)}" for key, each in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)


class _Walk:
    """Walks through a schema and the definitions that it refers to."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def rows(self, schema: Schema, section: str, above: str = "") -> Iterator[tuple[str, str, Schema, bool]]:
        """Yield (driver or "", path, schema of the value, whether it is required) for every key below a schema."""
        for each in self._objects(schema):
            for name, value in each.get("properties", {}).items():
                path = f"{above}{name}"
                yield "", path, value, name in each.get("required", ())
                yield from self.rows(value, section, f"{path}.")
            further = each.get("additionalProperties")
            if isinstance(further, dict) and not above:
                yield from self._entries(further, section)
        for item in self._items(schema):
            yield from self.rows(item, section, f"{above.rstrip('.')}[].")

    def _entries(self, entry: Schema, section: str) -> Iterator[tuple[str, str, Schema, bool]]:
        """Yield the keys of entries whose names the user chooses; for instruments, by driver."""
        branches = entry.get("allOf", ())
        for branch in branches:
            driver = branch["if"]["properties"]["driver"]["const"]
            for _, path, value, required in self.rows(branch["then"], section, "."):
                yield driver, path.removeprefix("."), value, required
        if not branches:
            yield from self.rows(entry, section, f"{NAMED_BY.get(section, 'NAME')}.")

    def is_map(self, schema: Schema) -> bool:
        """Return whether a value has keys of its own."""
        return bool(self._objects(schema))

    def _objects(self, schema: Schema) -> list[Schema]:
        found = [self._resolved(each) for each in self._branches(schema)]
        return [each for each in found if each.get("properties") or isinstance(each.get("additionalProperties"), dict)]

    def _items(self, schema: Schema) -> Iterator[Schema]:
        for each in map(self._resolved, self._branches(schema)):
            if each.get("type") == "array" and isinstance(each.get("items"), dict) and self.is_map(each["items"]):
                yield each["items"]

    def _branches(self, schema: Schema) -> list[Schema]:
        schema = self._resolved(schema)
        if "else" in schema:
            return self._branches(schema["else"])
        if "anyOf" in schema:
            return [branch for each in schema["anyOf"] for branch in self._branches(each)]
        return [schema]

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema or len(schema.get("allOf", ())) == 1:  # pydantic before 2.9 puts a default beside allOf
            (below,) = schema.get("allOf", (schema,))
            schema = self._definitions[below["$ref"].rpartition("/")[2]] if "$ref" in below else below
        return schema

    def values(self, schema: Schema) -> str:
        """Describe the values that a schema allows."""
        words = dict.fromkeys(word for branch in self._branches(schema) if (word := self._one(branch)))
        return " or ".join(words)

    def _one(self, schema: Schema) -> str:
        if "const" in schema:
            return f"`{_written(schema['const'])}`"
        if "enum" in schema:
            return " ".join(f"`{_written(value)}`" for value in schema["enum"])
        kind = schema.get("type")
        if kind == "string" and "examples" in schema:
            return f"{schema['$comment']}, e.g. `{schema['examples'][0]}`"
        if kind == "string":
            return "`module:Class`" if schema.get("pattern") == ".+:.+" else "text"
        if kind in ("integer", "number"):
            return ("whole number" if kind == "integer" else "number") + _bounds(schema)
        if kind == "boolean":
            return "`true` `false`"
        if kind == "array":
            items = schema.get("prefixItems") or [schema.get("items", {})]
            inside = " and ".join(dict.fromkeys(self.values(item) for item in items if item)) or "anything"
            return f"list of {inside}"
        return "" if kind == "null" else "map"


def _bounds(schema: Schema) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    words = [] if low is None else [f"{'≥' if 'minimum' in schema else '>'} {low:g}"]
    words += [] if high is None else [f"{'≤' if 'maximum' in schema else '<'} {high:g}"]
    return f" {', '.join(words)}" if words else ""
