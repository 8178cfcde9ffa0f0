"""The page: every part of a run's report, one after the other, in one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from labrig.errors import LabrigError, StorageError, reason
from labrig.runs.folder import RunFolder
from labrig.runs.report import PARTS
from labrig.runs.report.blocks import Block, Drawing, Html, Missing, paragraph, text
from labrig.runs.report.reported import Reported, read_reported

NAME = "report.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy of the page: nothing is loaded, whatever the names in a run contain."""


@dataclass
class Report:
    """A report that was written.

    Parameters
    ----------
    path
        The page.
    figures
        Files of figures for a paper, if they were asked for.
    left_out
        Reasons why a part (or the rest of it) could not be made, by its name; parts without data are not included.
    damage
        Data of the run that could not be read, one message each.
    """

    path: Path
    figures: list[Path] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    damage: tuple[str, ...] = ()


def write_report(folder: RunFolder, out: Path | None = None, figures: Path | None = None) -> Report:
    """Write the report of a run.

    Parameters
    ----------
    folder
        The folder of the run, which may still be going on.
    out
        The page; by default report.html in the folder of the run.
    figures
        Folder for the figures as SVG and PDF; created if necessary.

    Raises
    ------
    StorageError
        If nothing of the run can be read, or the report cannot be written.
    """
    report = Report(out or folder.path / NAME)
    _write(report.path, _made(folder, report, figures).encode())
    return report


def report_html(folder: RunFolder) -> str:
    """Return the report of a run as HTML; raises StorageError if nothing of the run can be read."""
    return _made(folder, Report(folder.path / NAME), None)


def _made(folder: RunFolder, report: Report, figures: Path | None) -> str:
    """Return the page; what is missing is noted in `report`."""
    from labrig.runs.report.figures import report_settings

    run = read_reported(folder)
    report.damage = run.damage
    sections: list[str] = []
    with report_settings():
        for name in PARTS:
            title, inside = _part(name, run, report, figures)
            sections.append(f'<section id="{name}"><h2>{text(title)}</h2>{inside}</section>')
    return _page(run, sections)


def part(name: str, run: Reported) -> tuple[str, list[Block], str | None]:
    """Return title and blocks of a part, and the reason why it (or the rest of it) could not be made, or None.

    Where the run has no data, a line says so. Figures must be drawn within `report_settings`.
    """
    module = import_module(f"labrig.runs.report.parts.{name}")
    found: list[Block] = []
    why = None
    try:
        for block in module.blocks(run):
            found.append(block)
    except Missing as missing:
        words = str(missing)
        found.append(paragraph(f"{words[:1].upper()}{words[1:]}.", "none"))
    except Exception as error:  # a damaged run may hold anything, and the other parts are still worth reading
        why = _why(error)
        found.append(paragraph(f"This could not be made: {why}", "none"))
    return module.TITLE, found, why


def figure_html(drawing: Drawing) -> Html:
    """Return a figure with its caption as HTML."""
    from labrig.runs.report.figures import for_page

    svg = for_page(drawing.figure, drawing.name)
    label = text(drawing.caption).replace('"', "&quot;")
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return Html(f"<figure>{svg}<figcaption>{text(drawing.caption)}</figcaption></figure>")


def style() -> str:
    """Return the style sheet of a report."""
    return files("labrig.runs.report").joinpath("report.css").read_text(encoding="utf-8")


def _part(name: str, run: Reported, report: Report, into: Path | None) -> tuple[str, str]:
    """Return title and HTML of a part, and write its figures for a paper."""
    title, blocks, why = part(name, run)
    if why is not None:
        report.left_out[name] = why
    pieces: list[str] = []
    for block in blocks:
        if not isinstance(block, Drawing):
            pieces.append(block)
            continue
        try:
            pieces.append(figure_html(block))
            report.figures += _for_paper(block, into)
        except StorageError:
            raise
        except Exception as error:
            report.left_out[name] = _why(error)
            pieces.append(paragraph(f"A figure could not be drawn: {_why(error)}", "none"))
    return title, "".join(pieces)


def _why(error: Exception) -> str:
    """Return why a part or a figure could not be made."""
    if isinstance(error, LabrigError | OSError):
        return reason(error)
    return f"the run contains something unexpected ({reason(error)}); labrig verify names any damage"


def _for_paper(drawing: Drawing, into: Path | None) -> Iterator[Path]:
    from labrig.runs.report.figures import for_paper

    if into is None:
        return
    for suffix, content in for_paper(drawing.figure, drawing.name).items():
        path = into / f"{drawing.name}.{suffix}"
        _write(path, content)
        yield path


def _page(run: Reported, sections: list[str]) -> str:
    titles = [(name, import_module(f"labrig.runs.report.parts.{name}").TITLE) for name in PARTS]
    links = "".join(f'<a href="#{name}">{text(title)}</a>' for name, title in titles)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(run.name)}: labrig report</title><style>{style()}</style></head><body>"
        f"<header><h1>{text(run.name)}</h1><p>{text(run.folder.path.resolve().name)}</p></header>"
        f'<nav aria-label="Parts of the report">{links}</nav><main>{"".join(sections)}</main></body></html>\n'
    )


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)  # a part of the page
        raise StorageError(f"cannot write {path}: {error.strerror}", remedy="choose another file with --out") from error
