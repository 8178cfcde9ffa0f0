"""Ranges in the wiring: `in0..in9: {drive: awg/0..9, through: 50 Ω}` is ten rows, one per node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from labrig.config.marked import Marked
from labrig.config.patterns import is_pattern
from labrig.config.problems import Problems, TreePath
from labrig.quantities import as_written

LONGEST_RANGE = 100_000
CHANNEL_KEYS = ("drive", "error", "sense")
"""The keys of a row that name channels; every node needs its own channel."""
LEAD_KEYS = ("channel", "x", "y", "z")
"""The keys that name channels if the value of a channel key is a map, as for a channel with a transducer."""
EDGES = "edges"
"""The row that is not a node: it names the channels that program the edges, or a CSV file."""

_END = re.compile(r"(?P<prefix>.*?)(?P<number>[0-9]{1,9})")


def expand_range(text: str) -> list[str]:
    """Return the names in a range; a single name is returned as a list of one.

    'in0..in9', 'awg/0..9' and 'awg/ao0..ao9' are ten names each. Ranges may descend ('daq/9..0'), and leading zeros are
    kept.

    Raises
    ------
    ValueError
        If the text is empty or not a valid range, or has more than LONGEST_RANGE names.
    """
    text = text.strip()
    if not text:
        raise ValueError("the name is empty")
    if ".." not in text:
        return [text]
    first_text, _, last_text = text.partition("..")
    first, last = _END.fullmatch(first_text.strip()), _END.fullmatch(last_text.strip())
    if first is None or last is None:
        raise ValueError(f"{as_written(text)} is not a range such as 'in0..in9' or 'awg/0..9'")
    prefix = first["prefix"]
    # The second end may omit the whole prefix, or only the name of the instrument.
    if last["prefix"] not in ("", prefix, prefix.rpartition("/")[2]):
        raise ValueError(f"{as_written(text)} has two different prefixes: {prefix!r} and {last['prefix']!r}")
    padded = any(end.startswith("0") and len(end) > 1 for end in (first["number"], last["number"]))
    if padded and len(first["number"]) != len(last["number"]):
        raise ValueError(f"{as_written(text)} has numbers padded to different widths; write e.g. 'ch01..ch10'")
    width = len(first["number"]) if padded else 0
    start, stop = int(first["number"]), int(last["number"])
    if abs(stop - start) >= LONGEST_RANGE:
        raise ValueError(f"{as_written(text)} covers more than {LONGEST_RANGE} names")
    step = 1 if stop >= start else -1
    return [f"{prefix}{number:0{width}d}" for number in range(start, stop + step, step)]


def colon_hint(text: str) -> str:
    """Return how to write a range that is written with a colon, as DAQmx does ('ai0:9'); "" for other names."""
    match = re.fullmatch(r"(.*[0-9])\s*:\s*([0-9]+)", text.strip())
    return f"; a range is written '{match[1]}..{match[2]}'" if match else ""


def in_words(names: Sequence[str]) -> str:
    """List names, with consecutive ones as ranges: 'ai0 to ai7, ai16 to ai23'; at most eight ranges."""
    runs: list[list[str]] = []
    for name in names:
        if runs and _counts_up(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    words = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:8]]
    return ", ".join(words) + (" …" if len(runs) > 8 else "")


def _counts_up(name: str, following: str) -> bool:
    one, other = _END.fullmatch(name), _END.fullmatch(following)
    if one is None or other is None or one["prefix"] != other["prefix"]:
        return False
    return int(other["number"]) == int(one["number"]) + 1


def expand_wiring(wiring: Marked, problems: Problems) -> Marked:
    """Return the wiring of one file with one row per node, marked at the place of its range.

    The row `edges` is not expanded, nor is a pattern such as 'n{r}_{c}', which needs the nodes of the network. If a
    row is a channel or a list of channels instead of a map, these channels sense its nodes. Ranges of unequal
    length, malformed ranges and nodes wired twice are reported. Other values are returned unchanged; validation reports
    them.
    """
    if not isinstance(wiring.value, dict):
        return wiring
    rows: dict[str, Marked] = {}
    for key, row in wiring.value.items():
        if key == EDGES:
            rows[key] = row
            continue
        if isinstance(row.value, str | list):
            row = replace(row, value={"sense": replace(row, key_mark=row.key_mark or row.mark)})
        if is_pattern(key):
            rows[key] = row
            continue
        path: TreePath = ("wiring", key)
        mark = row.key_mark or row.mark
        try:
            nodes = expand_range(key)
        except ValueError as error:
            problems.add(mark, path, str(error))
            continue
        if len(rows) + len(nodes) > LONGEST_RANGE:
            problems.add(mark, path, f"the wiring names more than {LONGEST_RANGE} nodes; wire fewer")
            break
        values = RowValues(row, key, nodes, problems)
        for position, node in enumerate(nodes):
            if node in rows:
                first = rows[node].key_mark
                where = f" (first at line {first.line})" if first else ""
                problems.add(mark, path, f"node {as_written(node)} is wired twice{where}")
                break
            rows[node] = values.row_of(position)
    return replace(wiring, value=rows)


@dataclass
class RowValues:
    """The values of one row, and the part of them that belongs to each of its nodes."""

    row: Marked
    key: str
    nodes: list[str]
    problems: Problems

    def __post_init__(self) -> None:
        self.ranges: dict[tuple[str, ...], list[str]] = {}
        if isinstance(self.row.value, dict):
            for name, value in self.row.value.items():
                if self._is_range(name, value):
                    self._read_range((name,), value)
                elif isinstance(value.value, dict) and name in CHANNEL_KEYS:
                    for key, channel in value.value.items():
                        if key in LEAD_KEYS and self._is_range(name, channel):
                            self._read_range((name, key), channel)

    @staticmethod
    def _is_range(name: str, value: Marked) -> bool:
        """Whether a value names channels, or is a range of anything else, and has no part in braces."""
        if isinstance(value.value, list):
            return name in CHANNEL_KEYS and all(isinstance(each.value, str) for each in value.value)
        if not isinstance(value.value, str) or is_pattern(value.value):
            return False
        return name in CHANNEL_KEYS or ".." in value.value

    def _read_range(self, name: tuple[str, ...], value: Marked) -> None:
        path: TreePath = ("wiring", self.key, *name)
        channels: list[str] = []
        items = value.value if isinstance(value.value, list) else [value]
        for item in items:
            try:
                channels += expand_range(str(item.value))
            except ValueError as error:
                self.problems.add(item.mark, path, str(error))
                return
        text = str(value.value) if len(items) == 1 and items[0] is value else ", ".join(str(i.value) for i in items)
        if len(channels) == len(self.nodes):
            self.ranges[name] = channels
            return
        count = "1 channel" if len(channels) == 1 else f"{len(channels)} channels"
        nodes = "1 node" if len(self.nodes) == 1 else f"{len(self.nodes)} nodes"
        self.problems.add(
            value.mark, path, f"{as_written(text)} names {count} for {nodes} ({self.key}){colon_hint(text)}"
        )

    def row_of(self, position: int) -> Marked:
        """Return the row of the node at this position of the range."""
        if not isinstance(self.row.value, dict):
            return self.row
        row = {name: self._share((name,), each, position) for name, each in self.row.value.items()}
        return replace(self.row, value=row)

    def _share(self, name: tuple[str, ...], value: Marked, position: int) -> Marked:
        """Return the part of a value that belongs to the node at this position."""
        if name in self.ranges:
            return replace(value, value=self.ranges[name][position])
        if isinstance(value.value, dict) and len(name) == 1:
            below = {key: self._share((*name, key), each, position) for key, each in value.value.items()}
            return replace(value, value=below)
        return value
