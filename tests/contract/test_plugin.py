"""The suites as a laboratory runs them: pytest --rig CONFIG --pyargs labrig.testing."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from labrig.assembly import packaged_configs


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "labrig.testing.plugin",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
    ]
    return subprocess.run(
        [*command, "--pyargs", "labrig.testing", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_a_rig_is_tested_and_its_identities_reported(tmp_path):
    report = tmp_path / "report.xml"
    done = run(
        "--rig",
        packaged_configs() / "divider.yaml",
        "--junitxml",
        report,
        "-k",
        "test_rig or identity",
        "-p",
        "no:xdist",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rig: divider, bench: simulated" in done.stdout
    assert "9 passed" in done.stdout
    found = {p.get("name"): p.get("value") for p in ElementTree.parse(report).iter("property")}
    assert found["rig"] == "divider"
    assert found["bench"] == "simulated"
    assert found["identity of awg"] == "generic, simulated-awg, "


def test_without_a_rig_nothing_is_collected():
    done = run()
    assert done.returncode == 5, done.stdout + done.stderr
    assert "no tests ran" in done.stdout


def test_a_rig_that_is_not_there(tmp_path):
    done = run("--rig", tmp_path / "missing.yaml")
    assert done.returncode == 4
    assert "missing.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bench_without_a_rig():
    done = run("--rig-bench", "wire")
    assert done.returncode == 4
    assert "--rig-bench needs --rig" in done.stderr
