"""Reads YAML text into a tree of marked values. Mistakes become problems, and everything readable is kept."""

from __future__ import annotations

import codecs
import os
import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import yaml
from yaml.reader import ReaderError

from labrig.config.marked import Marked, Scalar
from labrig.config.problems import LINE_BREAK, ConfigProblems, Mark, Problems, TreePath
from labrig.config.yaml_core import LIST, MAP, CoreLoader, scalar_value, short_tag
from labrig.errors import ConfigError
from labrig.files import content_of
from labrig.quantities import ESCAPES, as_written, character_name, number_hint

LARGEST_FILE = 1 << 20
_INVISIBLE_CHARACTERS = "[\u00a0\u00ad\u2000-\u200f\u202f\u205f\u2060\u3000\ufeff]"
_INVISIBLE = re.compile(_INVISIBLE_CHARACTERS)
_INVISIBLE_AT_START = re.compile(rf"(?:\A[ -]*|:[ ]*){_INVISIBLE_CHARACTERS}")
_REPEATED_BY_ALIASES = 10_000
"""Largest number of nodes that aliases may repeat; nested aliases in a few lines could repeat billions of them."""


def read_text(path: pathlib.Path) -> str:
    """Read a configuration file as text, without a byte order mark.

    Raises
    ------
    ConfigError
        If the file cannot be read, is a folder, or is larger than 1 MiB.
    ConfigProblems
        If the file is not UTF-8 text; the problem is at the first wrong byte.
    """
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder, not a configuration file", remedy="name a file in it")
        data = content_of(path, LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"cannot read {path}: {reason}", remedy="check the name and the permissions") from error
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{path} is larger than 1 MiB, too large for a configuration", remedy="check the name")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        message = f"this is not UTF-8 text (byte {error.start} is 0x{data[error.start]:02X}); save the file as UTF-8"
        raise _unreadable(path, before, message) from error
    if "\0" in text:
        raise _unreadable(path, text.partition("\0")[0], "a NUL character: this is a binary file, not a configuration")
    return text


def check_name(path: pathlib.Path) -> None:
    """Raise ConfigError if the name of a file or of its folder is not UTF-8, because records are written in UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("ascii", errors="backslashreplace")
        raise ConfigError(f"the name of '{shown}' is not UTF-8 text", remedy="rename the folder or the file") from error


def find_file(name: str, folders: Sequence[pathlib.Path | None]) -> pathlib.Path | None:
    """Return the file in the first folder that contains it, None if none does; the name may be an absolute path."""
    for folder in folders:
        if folder is not None:
            candidate = folder / name
            try:
                if candidate.is_file():
                    return candidate
            except (OSError, ValueError):  # the name is too long, or contains a NUL
                continue
    return None


def _unreadable(path: pathlib.Path, before: str, message: str) -> ConfigProblems:
    """Return a problem for a file that is not text, placed after the text `before`."""
    lines = LINE_BREAK.split(before)
    problems = Problems()
    problems.add(Mark(str(path), len(lines), len(lines[-1]) + 1), (), message)
    return ConfigProblems(list(problems), problems.render())


@dataclass
class Source:
    """The place of a text: a file, or the value of an override, which starts at this line and column."""

    file: str
    first_line: int = 1
    first_column: int = 1
    origin: str | None = None
    """Value of `Marked.origin`; None for 'FILE:LINE'."""

    def mark(self, line: int, column: int) -> Mark:
        """Return the mark for a line and column (from 0) of the text."""
        return Mark(self.file, self.first_line + line, (self.first_column if line == 0 else 1) + column)

    def origin_of(self, mark: Mark) -> str:
        """Return the origin of a value at this mark."""
        return self.origin or f"{mark.file}:{mark.line}"


def compose(text: str, source: Source, problems: Problems, path: TreePath = ()) -> Marked | None:
    """Return the tree of a text; None if the text is empty, or has a syntax error, which is reported."""
    loader = None
    try:
        loader = CoreLoader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark, message = _explain(error, text)
        problems.add(source.mark(*mark), path, message)
        return None
    except ReaderError as error:
        before = LINE_BREAK.split(text[: error.position])
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"the character U+{code:04X} is not allowed; remove it"
        problems.add(source.mark(len(before) - 1, len(before[-1])), path, message)
        return None
    except (ValueError, OverflowError, IndexError):  # not caught by PyYAML, e.g. for "\UFFFFFFFF"
        line, column = (loader.line, loader.column) if loader else (0, 0)
        before = text.splitlines()[line][:column] if line < len(text.splitlines()) else ""
        problems.add(source.mark(line, column), path, ESCAPES if '"' in before else "this cannot be read as YAML")
        return None
    if root is None:
        return None
    return _Builder(source, problems).build(root, path, None)


@dataclass
class _Builder:
    """Converts PyYAML nodes to marked values."""

    source: Source
    problems: Problems
    open: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    repeated: int = 0

    def build(self, node: yaml.Node, path: TreePath, key_mark: Mark | None) -> Marked:
        """Return the marked value of a node; a part with a problem becomes None."""
        mark = self._mark(node)
        value: dict[str, Marked] | list[Marked] | Scalar = None
        if not self._admit(node, mark, path):
            return Marked(None, mark, key_mark, self.source.origin_of(mark))
        if isinstance(node, yaml.ScalarNode):
            try:
                _check_invisible(node)
                value = scalar_value(node.tag, node.value)
            except ValueError as error:
                self.problems.add(mark, path, str(error))
        else:
            self.open.add(id(node))
            if node.tag not in (MAP, LIST):
                self.problems.add(
                    mark, path, f"the tag {short_tag(node.tag)} is not used in a configuration; remove it"
                )
            elif isinstance(node, yaml.MappingNode):
                value = self._entries(node, path)
            else:
                value = [self.build(item, (*path, index), None) for index, item in enumerate(node.value)]
            self.open.discard(id(node))
        text = node.value if isinstance(node, yaml.ScalarNode) else None
        return Marked(value, mark, key_mark, self.source.origin_of(mark), text)

    def _entries(self, node: yaml.MappingNode, path: TreePath) -> dict[str, Marked]:
        entries: dict[str, Marked] = {}
        before: tuple[str, yaml.Node] | None = None
        for key_node, value_node in node.value:
            mark = self._mark(key_node)
            if before is not None and _is_decimal_comma(before[1], key_node, value_node):
                (name, whole), before = before, None
                hint = number_hint(f"{whole.value},{key_node.value}").removeprefix("; ")
                self.problems.add(self._mark(whole), (*path, name), hint)
                continue
            key = self._key(key_node, mark, path)
            if key is None:
                continue
            if key in entries:
                first = entries[key].key_mark
                where = f" (first at line {first.line})" if first else ""
                self.problems.add(mark, (*path, key), f"duplicate key {as_written(key)}{where}")
                continue
            entries[key] = self.build(value_node, (*path, key), mark)
            before = key, value_node
        return entries

    def _key(self, node: yaml.Node, mark: Mark, path: TreePath) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.problems.add(mark, path, "a key must be text, not a map or a list")
            return None
        if node.value == "<<":
            remedy = "write the entries out, or use 'extends:' for a whole file"
            self.problems.add(mark, path, f"merge keys ('<<') are not supported; {remedy}")
            return None
        try:
            _check_invisible(node, key=True)
            key = scalar_value(node.tag, node.value)
        except ValueError as error:
            self.problems.add(mark, path, str(error))
            return None
        if not isinstance(key, str):
            remedy = f"write it in quotes: '{node.value}'" if node.value else "write the key before the ':'"
            self.problems.add(mark, path, f"a key must be text, got {node.value or as_written(key)}; {remedy}")
            return None
        return key

    def _admit(self, node: yaml.Node, mark: Mark, path: TreePath) -> bool:
        """Return whether to build a node; report aliases that repeat it endlessly or too often."""
        if id(node) in self.open:
            self.problems.add(mark, path, "this alias contains itself; write the value out")
            return False
        if id(node) not in self.done:
            self.done.add(id(node))
            return True
        self.repeated += 1
        if self.repeated == _REPEATED_BY_ALIASES + 1:
            self.problems.add(mark, path, f"aliases repeat more than {_REPEATED_BY_ALIASES} values; use fewer")
        return self.repeated <= _REPEATED_BY_ALIASES

    def _mark(self, node: yaml.Node) -> Mark:
        return self.source.mark(node.start_mark.line, node.start_mark.column)


def _check_invisible(node: yaml.ScalarNode, *, key: bool = False) -> None:
    """Raise ValueError if a text without quotes contains an invisible character or one that looks like a space.

    In a value only its start is checked, as the rest has its own rules: a quantity may have a no-break space before its
    unit.
    """
    found = _INVISIBLE.search(node.value) if key else _INVISIBLE_AT_START.search(node.value)
    if node.style is None and found is not None:
        raise ValueError(_not_a_space(found[0][-1]))


def _not_a_space(character: str) -> str:
    return f"the character {character_name(character)} is not a space in YAML; write a space, or delete it"


def _is_decimal_comma(whole: yaml.Node, key: yaml.Node, value: yaml.Node) -> bool:
    """Return whether a key of a flow map is really the part of a decimal number after the comma, as in `2,5 ms`."""
    return (
        all(isinstance(node, yaml.ScalarNode) and node.style is None for node in (whole, key, value))
        and value.value == ""
        and key.start_mark.line == whole.end_mark.line
        and key.start_mark.index == whole.end_mark.index + 1
        and re.fullmatch(r"[-+]?[0-9]+", whole.value) is not None
        and key.value[:1].isdigit()
    )


def _in_word(line: str, column: int) -> bool:
    """Return whether there is a brace at this column right after a character of a value: 'daq/{r'."""
    return line[column : column + 1] == "{" and line[:column][-1:] not in ("", " ", ",", "[", "{", ":")


def _explain(error: yaml.MarkedYAMLError, text: str) -> tuple[tuple[int, int], str]:
    """Convert an error of PyYAML in a text to a line and column (from 0) and a message with a remedy."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    opened = f"opened at line {start.line + 1}" if start else "opened"
    message = problem or "this cannot be read as YAML"
    lines = LINE_BREAK.split(text)
    for number in range(max(start.line - 1, 0) if start else 0, mark.line + 1 if mark else 0):
        line = lines[number] if number < len(lines) else ""
        found = _INVISIBLE_AT_START.search(line)
        if found is not None:
            return (number, found.end() - 1), _not_a_space(found[0][-1])
    if r"'\t' that cannot start" in problem and mark is not None:
        indents = not lines[mark.line][: mark.column].strip()
        message = "a tab is used for indentation; use spaces" if indents else "there is a tab here; use a space"
    elif context == "while scanning a double-quoted scalar":
        message = ESCAPES
    elif "that cannot start any token" in problem:
        character = problem.removeprefix("found character ").removesuffix(" that cannot start any token")
        message = f"{character} cannot start a value; put the text in quotes"
    elif context.startswith("while parsing a flow") and mark is not None and _in_word(lines[mark.line], mark.column):
        message = 'a value with braces needs quotes in a map or list, e.g. {sense: "daq/{r*10+c}"}'
    elif problem == "mapping values are not allowed here":
        previous = next((n for n in range(mark.line - 1, -1, -1) if lines[n].strip()), None) if mark else None
        joined = None if previous is None else re.match(r"[ ]*(?:- )?[\w.]+:(?=[^\s/])", lines[previous])
        if previous is not None and joined is not None:
            return (previous, joined.end()), "write a space after the ':'"
        message = "a ':' is not allowed here; check the indentation, or put the text in quotes"
    elif problem == "could not find expected ':'":
        mark, message = start, "this looks like a key without its ':'; check the indentation, or put the text in quotes"
    elif context == "while parsing a flow sequence":
        message = f"the list {opened} needs ',' or ']' here"
    elif context == "while parsing a flow mapping":
        message = f"the map {opened} needs ',' or '}}' here"
    elif problem.startswith("expected the node content"):
        message = "a value is missing here, or a bracket is not closed"
    elif context == "while scanning a quoted scalar" and "end of stream" in problem:
        mark, message = start, "the quote opened here is never closed"
    elif problem.startswith("expected <block end>") and mark and lines[mark.line][: mark.column][-1:] in ("'", '"'):
        message = "text follows the closing quote; inside single quotes a quote is written twice: ''"
    elif problem.startswith("expected <block end>"):
        message = "this does not line up with the lines above; check the indentation"
    elif problem == "but found another document":
        message = "a second document starts here; a file may contain only one"
    elif problem.startswith("found undefined alias"):
        message = f"the alias {problem.removeprefix('found undefined alias ')} has no anchor"
    return ((mark.line, mark.column) if mark else (0, 0)), message
