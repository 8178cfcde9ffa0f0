"""A GitHub workflow for a lab: tests the simulated bench on every push, the wire bench and the rig every night."""

from __future__ import annotations

INSTALL = "python3 -m venv .venv && .venv/bin/pip install -q '{labrig}'"


def workflow(config: str, runner: str | None, labrig: str) -> str:
    """Return the text of a workflow file.

    Parameters
    ----------
    config : str
        Path of the configuration, relative to the repository.
    runner : str or None
        Label of the self-hosted runner at the rig; None if the rig is only simulated.
    labrig : str
        The argument of pip install: a requirement, or the path of a checkout, with the extra `test`.
    """
    install = INSTALL.format(labrig=labrig)
    wire = "" if runner is None else RIG.replace("RUNNER", runner)
    text = SIMULATED + wire
    return text.replace("CONFIG", config).replace("INSTALL", install)


SIMULATED = """\
# Written by labrig init ci. The simulated bench runs on every push; the rest every night and on demand.
name: rig
on:
  push:
  pull_request:
  schedule: [{cron: "0 3 * * *"}]
  workflow_dispatch:
permissions: {contents: read}
jobs:
  simulated:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
        with: {submodules: true}
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      - run: INSTALL
      - run: .venv/bin/labrig check CONFIG
      - run: .venv/bin/pytest --rig CONFIG --rig-bench simulated --pyargs labrig.testing --junitxml simulated.xml
      - run: .venv/bin/labrig run CONFIG --bench simulated --runs-dir runs --json   # a missed target exits with 7
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: simulated, path: "simulated.xml\\nruns", if-no-files-found: ignore}
"""

RIG = """\
  wire:
    if: github.event_name != 'push' && github.event_name != 'pull_request'
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
        with: {submodules: true}
      - uses: actions/setup-python@v5
        with: {python-version: "3.12"}
      - run: INSTALL
      - run: .venv/bin/pytest --rig CONFIG --rig-bench wire --pyargs labrig.testing --junitxml wire.xml
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: wire, path: wire.xml, if-no-files-found: ignore}
  rig:
    if: github.event_name != 'push' && github.event_name != 'pull_request'
    needs: wire
    runs-on: [self-hosted, RUNNER]
    concurrency: RUNNER            # one user of the instruments at a time
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
        with: {submodules: true}
      - run: INSTALL
      - run: .venv/bin/labrig doctor CONFIG
      - run: .venv/bin/labrig selftest CONFIG
      - run: .venv/bin/pytest --rig CONFIG --pyargs labrig.testing --junitxml rig.xml
      - run: .venv/bin/labrig run CONFIG --runs-dir runs --json
      - run: .venv/bin/labrig safe
        if: always()
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: rig, path: "rig.xml\\nruns", if-no-files-found: ignore}
"""
