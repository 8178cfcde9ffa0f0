"""A package of drivers that cannot be imported stands in the way of nothing but its own drivers."""

from __future__ import annotations

import pytest
from extension.conftest import Laboratory

from labrig.cli.main import main
from labrig.extensions import installed
from labrig.instruments.drivers import VirtualCounterpart, installed_driver


@pytest.fixture(params=["import nothing_like_it\n", "1 / 0\n", "DRIVERS = 3\n", "DRIVERS = [3]\n"])
def broken(laboratory: Laboratory, request: pytest.FixtureRequest) -> Laboratory:
    laboratory.install("broken_lab", request.param, {"labrig.drivers": "broken = broken_lab:DRIVERS"})
    installed.cache_clear()
    return laboratory


def test_other_drivers_work(broken: Laboratory, capsys: pytest.CaptureFixture[str]) -> None:
    assert broken.labrig("check", "divider.yaml")
    (listed,) = broken.labrig("drivers")
    assert list(listed["broken"]) == ["broken_lab:DRIVERS"]
    assert "ni.ai" in {each["driver"] for each in listed["drivers"]}
    driver = installed_driver("siglent.sdg")  # as `labrig safe` and the watchdog look it up
    assert driver is not None
    assert main(["drivers"]) == 0
    assert "warning: the drivers of broken_lab:DRIVERS cannot be imported: " in capsys.readouterr().err


def test_whoever_names_its_driver_is_told(broken: Laboratory) -> None:
    broken.write("mine.yaml", "version: 1\nextends: [divider.yaml]\ninstruments: {awg: {driver: broken.awg}}\n")
    messages = [problem.message for problem in broken.problems("mine.yaml")]
    assert any(
        "there is no driver 'broken.awg'" in each and "broken_lab:DRIVERS cannot be" in each for each in messages
    )


def test_a_counterpart_whose_faults_act_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="faults of mine: 'silent' is not one of connection, silence, delay"):
        VirtualCounterpart("mine", "mine:serve", faults=("silent",))  # type: ignore[arg-type]


def test_a_driver_of_two_packages_is_refused_where_it_is_named(laboratory: Laboratory) -> None:
    double = "from dataclasses import replace\nfrom labrig_drivers.generic import DRIVERS as own\n"
    double += "DRIVERS = [replace(driver) for driver in own if driver.name == 'generic.source']\n"
    laboratory.install("twice_lab", double, {"labrig.drivers": "twice = twice_lab:DRIVERS"})
    installed.cache_clear()
    laboratory.write("mine.yaml", "version: 1\nextends: [divider.yaml]\n")
    (problem,) = laboratory.problems("mine.yaml")
    assert problem.message == "two installed packages provide a driver named 'generic.source'; uninstall one of them"
