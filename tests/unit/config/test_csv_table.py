"""The one reader of tables: what it takes, and how it names the place and the cause of what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrig.config.csv_table import MissingColumn, TableError, read_csv


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ("a,b\n1,2\n", ("a", "b"), [("1", "2")]),
        ("a,b\r\n1,2\r\n", ("a", "b"), [("1", "2")]),
        ("a,b\r1,2", ("a", "b"), [("1", "2")]),
        ("\ufeffa,b\n1,2", ("a", "b"), [("1", "2")]),
        ("# one\n\n  # two, three\na , b\n 1 ,\t2\n\n", ("a", "b"), [("1", "2")]),
        ('"a\n(cm)", "b ""c"""\n"1","2,5"\n', ("a (cm)", 'b "c"'), [("1", "2,5")]),
        ("sep=;\na;b\n1;2\n", ("a", "b"), [("1", "2")]),
        ("SEP=\t\na\tb\n1\t\n", ("a", "b"), [("1", "")]),
        ("a,b\n1,", ("a", "b"), [("1", "")]),
        ('a,b\n"#1",2\n', ("a", "b"), [("#1", "2")]),
        ("a,b\n1,2\u00a0\n", ("a", "b"), [("1", "2")]),
        ("a,b\n,\n", ("a", "b"), [("", "")]),
    ],
)
def test_what_is_read(tmp_path: Path, text: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = read_csv(written(tmp_path, text))
    assert table.columns == header
    assert [tuple(cell.text for cell in row) for row in table.rows] == rows


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n#N/A,3\n", "t.csv:3:1: '#N/A' begins with #: a comment below the header could be data"),
        ("a,b\n1,2\n# off: 3,4\n", "t.csv:3:1: '# off: 3' begins with #"),
        ("a,b\n1,2,3\n", "t.csv:2:1: the row has 3 fields, but the header has 2"),
        ("a,b\n1,5,2,5\n", "are there decimal commas in it? Write decimals with a point"),
        (
            "a;b\n1,5;2,5\n",
            "t.csv:2:1: the row has 3 fields, but the header has 1; its cells are separated by semicolons",
        ),
        ("a;b\n1,5;2,5\n", "with a point, and separate cells by commas or write 'sep=;' on a line above the header"),
        ("a\tb\n1,5\t2\n", "its cells are separated by tabs, decimals with a comma"),
        ('a,b\n1,"2\n3,4\n', "t.csv:2:3: the quote opened here is never closed"),
        ('a,b\n1,"2"x\n', "t.csv:2:3: there is text after the closing quote of '\"2\"'"),
        ('"a\n(cm)",b\n1,2\n3\n', "t.csv:4:1: the row has 1 field, but the header has 2"),
        ("a,b\nse\x85t,1\n", "t.csv:2:1: 'se\\x85t' contains the control character U+0085"),
        ("a,b\n1,x\u200by\n", "t.csv:2:3: 'x\\u200by' contains the control character U+200B (zero width space)"),
        ("a,b\n1,ä\n".encode("latin-1"), "t.csv:2:3: byte 0xE4 is not UTF-8 text; save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "it is UTF-16, not UTF-8 text; save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "t.csv:1:2: a NUL character"),
        ("sep=:\na:b\n", "t.csv:1:1: 'sep=' names the separator ':'; use commas or semicolons"),
        ("# only a comment\n", "no header line and no rows"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(TableError) as caught:
        read_csv(written(tmp_path, text))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "a;b\n1;2\n",
            "its cells are separated by semicolons; write decimals with a point, and separate cells",
        ),
        ("a\tb\n1\t2\n", "its cells are separated by tabs"),
        ('"a,b"\n"1,2"\n', "whole lines of the file are in quotes"),
        ("#a,b\n1,2\n", "its header begins with #"),
        ("a,c\n1,2\n", "its columns are a, c"),
    ],
)
def test_why_a_column_is_missing(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(MissingColumn) as caught:
        read_csv(written(tmp_path, text)).position("b")
    assert says in str(caught.value)


def test_a_number_is_named_with_its_place_and_column(tmp_path: Path) -> None:
    table = read_csv(written(tmp_path, 'a,"b\nc"\n1, 2\n,x\n'))
    assert [cell.number("a") for cell in table.rows[0]] == [1.0, 2.0]
    with pytest.raises(TableError, match=r"t\.csv:4:1: column 'a': the cell is empty"):
        table.rows[1][0].number("a")
    with pytest.raises(TableError, match=r"t\.csv:4:2: column 'b c': 'x' is not a number"):
        table.rows[1][1].number("b c")


@pytest.mark.parametrize(
    ("text", "says"), [("9.9E+37", "overload"), ("-9.90000000E+37", "overload"), ("9.91e37", "no valid reading")]
)
def test_the_codes_of_an_instrument_are_not_data(tmp_path: Path, text: str, says: str) -> None:
    ((cell,),) = read_csv(written(tmp_path, f"U (V)\n{text}\n")).rows
    with pytest.raises(TableError) as caught:
        cell.number("U (V)")
    assert f"t.csv:2:1: column 'U (V)': {text} is the SCPI code for {says}" in str(caught.value)
