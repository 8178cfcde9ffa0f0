"""The skeleton of a driver as a separate package, with the virtual instrument and tests."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from string import Template

from labrig.errors import UsageError
from labrig.instruments.drivers import installed_driver

NAME = re.compile(r"(?P<family>[a-z][a-z0-9_]*)\.(?P<model>[a-z][a-z0-9_]*)")

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "bench.yaml": "bench.yaml",
    "$package/__init__.py": "package__init__.py",
    "$package/options.py": "package_options.py",
    "$package/protocol.py": "package_protocol.py",
    "$package/driver.py": "package_driver.py",
    "$package/virtual.py": "package_virtual.py",
    "tests/test_driver.py": "tests_test_driver.py",
}
"""The template of every file of the package."""


def driver_files(name: str | None) -> dict[str, str]:
    """Return the files of a new driver package, as texts by path.

    Parameters
    ----------
    name : str
        Name of the driver: FAMILY.MODEL, such as 'acme.gen4'.

    Raises
    ------
    UsageError
        If the name does not have this form.
    """
    match = NAME.fullmatch(name or "")
    if match is None:
        given = f"{name!r} is not the name of a driver" if name else "init driver needs a name"
        raise UsageError(f"{given}: write FAMILY.MODEL in lower case, e.g. acme.gen4")
    words_of_python = [word for word in match.groups() if keyword.iskeyword(word) or keyword.iskeyword(word.title())]
    if words_of_python:
        raise UsageError(f"{name}: {words_of_python[0]!r} is a word of Python", remedy="choose another name")
    if installed_driver(match[0]) is not None:
        raise UsageError(f"there is a driver named {match[0]!r} already", remedy="choose another name")
    words = {"driver": match[0], "package": f"{match['family']}_{match['model']}", **match.groupdict()}
    words["Class"] = match["model"].title().replace("_", "")
    folder = files("labrig.procedures.init") / "driver_template"
    return {
        Template(path).substitute(words): Template((folder / f"{template}.txt").read_text(encoding="utf-8")).substitute(
            words
        )
        for path, template in FILES.items()
    }
