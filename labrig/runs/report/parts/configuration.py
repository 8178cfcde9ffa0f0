"""The configuration as used, every value with its origin."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.files import content_of
from labrig.runs.folder import CONFIG
from labrig.runs.report.blocks import Block, Html, Missing, folded, paragraph, table, text
from labrig.runs.report.ranges import merged
from labrig.runs.report.reported import Reported

TITLE = "Configuration"
MOST_ROWS = 150
_MOST_BYTES = 300_000


def blocks(run: Reported) -> Iterator[Block]:
    """Yield every value with its origin, and the file that repeats the run."""
    if not run.folder.has(CONFIG):
        raise Missing(f"the run has no {CONFIG}")
    if config := run.meta.get("config"):
        yield paragraph(f"Read from {config}.")
    yield _origins(run)
    content = content_of(run.folder.path / CONFIG).decode(errors="replace")
    cut = content[:_MOST_BYTES]
    more = f"\n… {len(content) - len(cut)} characters more" if len(cut) < len(content) else ""
    yield folded(CONFIG, Html(f'<div class="wide" tabindex="0"><pre>{text(cut + more)}</pre></div>'))


def _origins(run: Reported) -> Html:
    rows = [(str(path), str(value), str(origin)) for path, value, origin in run.meta.get("values", ())]
    if not rows:
        return paragraph("A run this old does not record the origin of each value.", "none")
    header = ("key", "value", "origin")
    given, defaults = ([row for row in rows if (row[2] == "default") == is_default] for is_default in (False, True))
    shown = table(header, merged(given))
    if len(given) > MOST_ROWS:
        shown = folded(f"{len(given)} values", shown)
    return Html(shown + folded(f"{len(defaults)} defaults", table(header, merged(defaults))))
