"""The skeleton of a driver with its virtual counterpart and its tests, as a package of its own."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template

from labrig.errors import UsageError

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
"""Every file of the package, and its template."""


def driver_files(name: str | None) -> dict[str, str]:
    """Return the text of every file of a new driver package by its path.

    Parameters
    ----------
    name : str
        Name of the driver: FAMILY.MODEL, such as 'acme.gen4'.

    Raises
    ------
    UsageError
        If it is not of this form.
    """
    match = NAME.fullmatch(name or "")
    if match is None:
        given = f"{name!r} is not the name of a driver" if name else "init driver needs a name"
        raise UsageError(f"{given}: write FAMILY.MODEL in small letters, e.g. acme.gen4")
    words = {"driver": match[0], "package": f"{match['family']}_{match['model']}", **match.groupdict()}
    words["Class"] = match["model"].title().replace("_", "")
    folder = files("labrig.procedures.init") / "driver_template"
    return {
        Template(path).substitute(words): Template((folder / f"{template}.txt").read_text(encoding="utf-8")).substitute(
            words
        )
        for path, template in FILES.items()
    }
