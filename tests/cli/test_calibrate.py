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


@pytest.mark.parametrize(
    ("limit_v", "reference", "why"),
    [
        (5.0, "2 V", r"2 V does not fit daq; .*at least 0\.2 V, .* below 2 V"),
        (1.2, "1.8 V", r"1\.8 V is above limits\.node, 1\.2 V, .*smaller reference, or --set 'limits\.node=1\.8 V'"),
    ],
)
def test_a_reference_that_no_input_may_read_is_refused_before_anything_is_connected(
    limit_v: float, reference: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "divider.yaml", "--set", f"limits.node={limit_v} V", "--reference", reference]) == 2
    captured = capsys.readouterr()
    assert re.search(why, captured.err)
    assert "inputs shorted" not in captured.err


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--standard", "1ohm", r"too small to compare with parts of 10 kΩ to 100 kΩ \(remedy: use about 31.62 kΩ"),
        ("--standard", "100Mohm", "too large to compare with parts of"),
        ("--standard-error", "200%", "--standard-error 200%: expected 0 to 10%, e.g. 100 ppm"),
        ("--reference-error", "-1ppm", "--reference-error -1ppm: expected 0 to 10%, e.g. 20 ppm"),
    ],
)
def test_useless_standards_are_refused_before_anything_is_connected(
    option: str, value: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "iris.yaml", f"{option}={value}"]) == 2
    captured = capsys.readouterr()
    assert re.search(why, captured.err)
    assert "inputs shorted" not in captured.err


@pytest.mark.parametrize("days", ["0", "-3", "1.5"])
def test_a_record_is_valid_for_a_whole_number_of_days(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "iris.yaml", f"--valid={days}"]) == 2
    assert f"'{days}' is not a whole number ≥ 1" in capsys.readouterr().err


def test_a_record_is_not_valid_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "iris.yaml", "--valid=999999999"]) == 2
    captured = capsys.readouterr()
    assert "--valid 999999999: expected at most 36500 days" in captured.err
    assert "inputs shorted" not in captured.err


def test_the_default_reference_is_below_the_limit_of_nodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "record.json"
    assert main(["calibrate", "divider.yaml", "--no-levels", "--set", "limits.node=1.2 V", "--out", str(out)]) == 0
    assert "valid until" in capsys.readouterr().out


def test_a_reading_that_clips_names_the_fixture_and_what_to_reduce(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    high = ["--set", "simulation.digitizer_offset=200 mV", "--set", "simulation.seed=3"]
    out = tmp_path / "record.json"
    assert main(["calibrate", "divider.yaml", "--no-levels", *high, "--reference", "1.99 V", "--out", str(out)]) == 5
    assert re.search(r"clipped at .*fixture 'reference.*--reference", capsys.readouterr().err)


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
