"""`labrig drivers`: what is installed, the evidence, and what nobody has verified yet."""

from __future__ import annotations

import json
import re

import pytest

from labrig.cli.main import main
from labrig.instruments.drivers import installed_drivers


def test_every_driver_that_has_not_run_on_hardware_says_how_to_find_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drivers", "--json"]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    for driver in line["drivers"]:
        unproven = any("never run on hardware" in evidence for evidence in driver["models"].values())
        assert bool(driver["unverified"]) == unproven, driver["driver"]


def test_the_commands_it_names_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drivers"]) == 0
    printed = capsys.readouterr().out
    for info in installed_drivers().values():
        for assumption in info.assumptions:
            assert assumption.statement in printed
            (command, *_) = re.findall(r"labrig (\w+) CONFIG|--pyargs (labrig\.testing)", assumption.command)[0]
            if command:
                with pytest.raises(SystemExit) as left:
                    main([command, "--help"])
                assert left.value.code == 0
