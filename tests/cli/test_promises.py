"""check and plan say what a rig cannot promise about being made safe."""

from __future__ import annotations

import json

import pytest

from labrig.cli.main import main

HARDWARE = ["iris_wire.yaml", "--bench", "hardware"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 0
    return capsys.readouterr().out


def test_check_says_it_instrument_by_instrument(capsys):
    out = said(capsys, "check", *HARDWARE, "--set", "wiring.in0.safe=1.25 V")
    assert "On every exit outputs are off within 1 s, with these exceptions:" in out
    assert "  err1  has no watchdog: if the computer loses power" in out
    assert "  pots  accepts no second connection while labrig holds its port: if labrig hangs, its own watchdog" in out
    assert "  awg   holds ao0 at 1.25 V instead of switching it off" in out


def test_a_bank_without_a_watchdog_is_told_apart(capsys):
    event = json.loads(said(capsys, "check", *HARDWARE, "--json", "--set", "instruments.pots.watchdog=0 s"))
    texts = [each["text"] for each in event["not_promised"] if each["instrument"] == "pots"]
    assert any("watchdog: 0 s" in text for text in texts)


def test_a_board_keeps_its_outputs_unless_its_watchdog_is_armed(capsys):
    out = said(capsys, "check", "board.yaml", "--bench", "hardware")
    assert "dac   keeps its outputs as they are if the computer loses power or stops, unless the watchdog" in out
    assert "labrig hangs, it must be killed first, unless the watchdog of its potentiometers is armed" in out


@pytest.mark.parametrize("arguments", [["iris.yaml"], ["iris_wire.yaml"]])
def test_nothing_is_said_about_instruments_that_are_not_real(capsys, arguments):
    assert said(capsys, "check", *arguments).splitlines()[-1].endswith(": ok")


def test_plan_says_it_too(capsys):
    out = said(capsys, "plan", *HARDWARE)
    assert "err2  has no watchdog" in out
    assert "Measured on virtual instruments" in out
