"""schema: print the JSON schema of configurations, for editors, or a table of every key."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from labrig.cli.options import file_named
from labrig.json_text import json_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--out", type=file_named, metavar="FILE", help="file to write (default: stdout)")
    parser.add_argument("--keys", action="store_true", help="print a Markdown table of every key instead")


def execute(arguments: argparse.Namespace) -> int:
    """Print or write the schema; returns the exit code."""
    from labrig.assembly.check import packaged_configs
    from labrig.assembly.schema import configuration_schema
    from labrig.assembly.schema.keys import keys_of, markdown, written_texts
    from labrig.errors import StorageError

    schema = configuration_schema()
    text = json_text(schema, indent=1, ensure_ascii=False)
    if arguments.keys:
        readme = packaged_configs() / "README.md"
        keys = keys_of(schema, written_texts(readme.read_text(encoding="utf-8") if readme.is_file() else ""))
        listed = {"event": "keys", "keys": [asdict(key) for key in keys]}
        text = json_text(listed) if arguments.json else markdown(keys)
    elif arguments.json:
        text = json_text({"event": "schema", "schema": schema})
    if arguments.out is None:
        print(text)
        return 0
    try:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {arguments.out}: {error.strerror}", remedy="choose another place") from error
    if not arguments.keys and not arguments.json:
        print(f"first line of a configuration, for editors: # yaml-language-server: $schema={arguments.out}")
    return 0
