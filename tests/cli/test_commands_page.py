"""labrig/cli/README.md describes every command and its flags as the command line has them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from labrig.cli.commands import COMMANDS

PAGE = (Path(__file__).resolve().parents[2] / "labrig" / "cli" / "README.md").read_text(encoding="utf-8")
NAMES = sorted(module.__name__.rpartition(".")[2].replace("_", "-") for module in COMMANDS)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_described(name: str) -> None:
    assert re.search(rf"^### .*\b{name}\b|`labrig {name}\b", PAGE, re.MULTILINE), name


def test_every_flag_on_the_page_exists() -> None:
    of_some_command = {"--json", "--help", "--set", "--seed", "--runs-dir"}
    for module in COMMANDS:
        parser = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
        module.add_arguments(parser)
        of_some_command |= _flags(parser)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", PAGE)) - of_some_command == set()


def _flags(parser: argparse.ArgumentParser) -> set[str]:
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*(_flags(each) for each in action.choices.values()))
    return found
