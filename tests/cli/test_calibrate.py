"""calibrate: the values of standards are read as its help, its remedies and its README write them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from labrig.cli.main import main
from labrig.quantities import parse_quantity

README = Path(__file__).parents[2] / "calibration" / "README.md"
DIMENSIONS = {
    "--reference": "voltage",
    "--reference-error": "ratio",
    "--standard": "resistance",
    "--standard-error": "ratio",
    "--temperature": "temperature",
}


@pytest.mark.parametrize(("option", "dimension"), DIMENSIONS.items())
def test_an_example_in_a_remedy_can_be_written(option: str, dimension: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "iris.yaml", option, "no number"]) == 2
    example = re.search(rf"write e.g. {option} '([^']+)'", capsys.readouterr().err)
    assert example is not None
    assert parse_quantity(example[1]).dimension == dimension


def test_examples_in_help_and_readme_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["calibrate", "--help"])
    words = capsys.readouterr().out.split()
    assert parse_quantity(words[words.index("parts") + 3]).dimension == "resistance"
    (line,) = [line for line in README.read_text(encoding="utf-8").splitlines() if "--standard " in line]
    words = shlex.split(line)
    given = {option: words[words.index(option) + 1] for option in DIMENSIONS if option in words}
    assert {option: parse_quantity(text).dimension for option, text in given.items()} == {
        option: DIMENSIONS[option] for option in given
    }


def test_the_default_reference_is_within_the_limit_of_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--set", "instruments.daq.full_scale=10 V", "--set", "simulation.preset=ideal", "--no-levels"]
    assert main(["calibrate", "divider.yaml", *options, "--out", "record.json"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert main(["calibrate", "divider.yaml", *options, "--reference", "9V"]) == 2
    assert "--reference 9V: above limits.node, 5 V" in capsys.readouterr().err
