"""The dashboard in a real browser: live, by keyboard, for everyone; LABRIG_AXE names a copy of axe.min.js."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Browser, browsing
from dashboards import served

import labrig
from labrig.cli.main import main
from labrig.runs.plots.means import binned, mean_width

pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
PAGES = {
    "/": "#runs a",
    "/run/seed0": "#loss canvas",
    "/compare?a=seed0&b=seed1": "#loss canvas",
    "/report/seed0": "svg",
}
"""Pages, and what is there once each is complete."""
AXE = os.environ.get("LABRIG_AXE")
STEPS = "Number(document.getElementById('state').textContent.match(/(\\d+) steps/)?.[1] ?? -1)"
TAB, SPACE, ENTER = ("Tab", 9), (" ", 32), ("Enter", 13)


def faults(browser: Browser) -> list[str]:
    """The serious and critical faults that axe-core finds on the page."""
    assert AXE is not None
    browser.value(Path(AXE).read_text() + "; 0")
    found = browser.value("axe.run().then((r) => JSON.stringify(r.violations))")
    grave = [each for each in json.loads(found) if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in grave]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_that_goes_on_is_killed_and_resumed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "labrig", "run", "iris.yaml", "--no-plots", "--run-dir", str(run)]
    command += ["--set", "learning.epochs=30"]
    with served(tmp_path) as dashboard, browsing() as browser:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as going:
            browser.open(f"{dashboard.address}/?token={dashboard.token}")
            browser.wait("document.querySelector('#runs a')", 60)
            browser.open(f"{dashboard.address}/run/run")
            browser.wait(f"{STEPS} > 5", 60)
            seen = browser.value(STEPS)
            browser.wait(f"{STEPS} > {seen}")
            assert going.poll() is None, "the run ended before it could be killed: give it more epochs"
            going.send_signal(signal.SIGKILL)
        browser.wait("document.getElementById('state').textContent.startsWith('killed')")
        assert main(["resume", str(run), "--no-plots"]) == 0
        browser.wait(f"document.getElementById('state').textContent.startsWith('finished') && {STEPS} === 2700", 60)
        assert browser.value("document.querySelectorAll('canvas').length") >= 5
        assert browser.value("document.getElementById('figures').textContent").startswith("loss")
        assert browser.complaints == []


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="1280-light"),
        pytest.param(360, True, id="360-dark"),
        pytest.param(1280, True, id="1280-dark", marks=pytest.mark.long),
        pytest.param(360, False, id="360-light", marks=pytest.mark.long),
    ],
)
def test_pages_fit_and_can_be_read_by_everyone(tmp_path_factory, runs: Path, width: int, dark: bool) -> None:
    with served(runs) as dashboard, browsing() as browser:
        browser.show(width, 900, dark)
        browser.open(f"{dashboard.address}/?token={dashboard.token}")
        for page, there in PAGES.items():
            browser.open(dashboard.address + page)
            browser.wait(f"document.querySelector('{there}')")
            assert browser.value("document.documentElement.scrollWidth") <= width, page
            if AXE is not None:
                # A report lets no script run, and neither does the page of another origin: axe runs through DevTools.
                assert faults(browser) == [], page
        assert browser.complaints == []


def test_two_runs_are_compared_by_keyboard(runs: Path) -> None:
    with served(runs) as dashboard, browsing() as browser:
        browser.open(f"{dashboard.address}/?token={dashboard.token}")
        browser.wait("document.querySelectorAll('#runs input').length === 2")
        for _ in range(20):
            browser.press(*TAB)
            if browser.value("document.activeElement.type === 'checkbox' && !document.activeElement.checked"):
                browser.press(*SPACE)
            if browser.value("document.querySelectorAll('#runs input:checked').length === 2"):
                break
        browser.press(*ENTER)
        browser.wait("location.pathname === '/compare' && document.getElementById('verdict')?.textContent")
        assert "Comparable" in browser.value("document.getElementById('verdict').textContent")
        assert browser.complaints == []


def test_a_printed_report_has_what_is_folded_on_the_screen(runs: Path) -> None:
    there = "document.querySelector('details table').checkVisibility()"
    with served(runs) as dashboard, browsing() as browser:
        browser.open(f"{dashboard.address}/?token={dashboard.token}")
        browser.open(f"{dashboard.address}/report/seed0")
        assert not browser.value(there)
        browser.call("Emulation.setEmulatedMedia", media="print")
        assert browser.value(there)
        assert browser.value("document.querySelector('details table').getBoundingClientRect().height") > 100


def test_names_of_runs_break_between_words(runs: Path, tmp_path: Path) -> None:
    name = "second_board_of_the_third_row.with_gates_and_more"
    (tmp_path / name).symlink_to(runs / "seed0", target_is_directory=True)
    with served(tmp_path) as dashboard, browsing() as browser:
        browser.show(360, 900, dark=False)
        browser.open(f"{dashboard.address}/?token={dashboard.token}")
        for page, there in {"/": "#runs a", f"/run/{name}": "#name"}.items():
            browser.open(dashboard.address + page)
            browser.wait(f"document.querySelector('{there}')?.textContent")
            lines = browser.value(LINES.replace("NAME", there))
            assert "".join(lines) == name
            assert len(lines) > 1
            assert all(line[-1] in "_." for line in lines[:-1]), lines


LINES = """(() => {
  const lines = [];
  let top;
  const walker = document.createTreeWalker(document.querySelector('NAME'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) for (let k = 0; k < walker.currentNode.length; k++) {
    const range = document.createRange();
    range.setStart(walker.currentNode, k);
    range.setEnd(walker.currentNode, k + 1);
    const at = range.getBoundingClientRect().top;
    if (at !== top) lines.push("");
    top = at;
    lines[lines.length - 1] += walker.currentNode.data[k];
  }
  return lines;
})()"""
"""The lines in which the name of a run is shown."""


@pytest.mark.parametrize("count", [150, 200, 1777])
def test_means_are_those_of_the_pictures(runs: Path, count: int) -> None:
    step = np.arange(1, count + 1)
    loss = np.random.default_rng(0).exponential(size=count)
    middle, bins = binned(step, loss, mean_width(count))
    with served(runs) as dashboard, browsing() as browser:
        browser.open(f"{dashboard.address}/?token={dashboard.token}")
        given = json.dumps([step.tolist(), loss.tolist()])
        found = browser.value(f"import('/static/common.js').then((common) => common.means(...{given}))")
    assert found[0] == middle.tolist()
    assert found[1] == pytest.approx(np.nanmean(bins, axis=1))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        labrig.train(
            "iris.yaml", run_dir=folder / f"seed{seed}", seed=seed, plots=False, settings={"learning.epochs": 1}
        )
    return folder
