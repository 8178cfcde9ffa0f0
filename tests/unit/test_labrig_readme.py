"""The table of labrig/README.md, what to touch to add something, names files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "labrig" / "README.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("| ")]
TABLE = [row for row in ROWS if len(row) == 5 and row[0] != "to add a"]


def test_the_table_has_what_people_add():
    wanted = {"rule", "loss", "task", "carrier", "part", "imperfection", "fault", "generator", "physics"}
    assert wanted | {"column of the journal"} <= {row[0] for row in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_files_to_copy_and_examples_are_there(row):
    for path in re.findall(r"`([\w/]+(?:\.py|\.yaml|/))`", f"{row[2]} {row[1]}".replace("NAME", "__init__")):
        places = [ROOT / "labrig", ROOT / "drivers", ROOT, ROOT / "labrig" / "simulation" / "presets"]
        found = [place / path for place in places if (place / path).exists()]
        assert found or "__init__" in path, path
    for example in re.findall(r"`(\w+\.py)`", row[4]):
        assert (ROOT / "tests" / "extension" / example).exists(), example


def test_every_folder_is_on_some_floor():
    folders = {path.name for path in (ROOT / "labrig").iterdir() if (path / "__init__.py").exists()}
    assert {name for name in folders if f"[{name}/]({name})" not in README} == set()
