from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import trials

from labrig.config.marked import plain
from labrig.config.problems import ConfigProblems, Problems
from labrig.config.reading import Source, compose, read_text
from labrig.config.yaml_core import CoreDumper
from labrig.errors import ConfigError


def read(text: str) -> tuple[Any, list[str]]:
    problems = Problems()
    tree = compose(text, Source("a.yaml"), problems)
    return (None if tree is None else plain(tree)), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0), ("on", "on"), ("no", "no"), ("010", 10), ("1:30", "1:30"), ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"), ("0x1F", 31), ("0o17", 15), ("-3", -3), (".5", 0.5), ("-1.", -1.0),
        ("true", True), ("FALSE", False), ("~", None), ("null", None), ("", None), ("'1e3'", "1e3"), ("=", "="),
        ("-.inf", float("-inf")), ("10 kHz", "10 kHz"), ("TCPIP::192.0.2.20::INSTR", "TCPIP::192.0.2.20::INSTR"),
        ("!!str 12", "12"), ("!!float 1", 1.0), ("yes", "yes"), ("0b1", "0b1"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    tree, problems = read(f"a: {text}")
    assert not problems
    assert tree == {"a": value}
    assert type(tree["a"]) is type(value)


def test_marks_count_from_one_and_name_keys_and_values() -> None:
    tree = compose("# no\nlearning:\n  rate: 0.1\n  list: [1, {a: b}]\n", Source("a.yaml"), Problems())
    assert tree is not None
    rate = tree.child("learning").child("rate")  # type: ignore[union-attr]
    assert rate is not None
    assert (str(rate.key_mark), str(rate.mark), rate.origin) == ("a.yaml:3:3", "a.yaml:3:9", "a.yaml:3")
    item = tree.child("learning").child("list").child(1)  # type: ignore[union-attr]
    assert item is not None
    assert (item.key_mark, str(item.mark)) == (None, "a.yaml:4:13")


def test_all_duplicates_and_bad_keys_are_reported_and_the_rest_is_kept() -> None:
    tree, problems = read("a: 1\na: 2\nb: {c: 1, c: 2}\n3: x\n[q]: y\n<<: {z: 1}\n~: e\n!!int k: 1\n")
    assert tree == {"a": 1, "b": {"c": 1}}
    assert problems == [
        "a.yaml:2:1: a: duplicate key 'a' (first at line 1)",
        "a.yaml:3:11: b.c: duplicate key 'c' (first at line 3)",
        "a.yaml:4:1: a key must be text, got 3; write it in quotes: '3'",
        "a.yaml:5:1: a key must be text, not a map or a list",
        "a.yaml:6:1: merge keys ('<<') are not supported; write the entries out, or use 'extends:' for a whole file",
        "a.yaml:7:1: a key must be text, got ~; write it in quotes: '~'",
        "a.yaml:8:1: 'k' does not match the tag !!int",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x\n\tlearning: 1", "a.yaml:2:1: a tab is used for indentation; use spaces"),
        ("name:\tx", "a.yaml:1:6: there is a tab here; use a space"),
        ("name: x\t# y", "a.yaml:1:8: there is a tab here; use a space"),
        ("a: 1\nname:\u00a0x\nb: 2", "a.yaml:2:6: the character U+00A0 (no-break space) is not a space in YAML"),
        ("a: {name:\u00a0x}", "a.yaml:1:5: a: the character U+00A0 (no-break space) is not a space in YAML"),
        ("a: 1\n\u00a0b: 2", "a.yaml:2:1: the character U+00A0 (no-break space) is not a space in YAML"),
        ("name: \u200bx", "a.yaml:1:7: name: the character U+200B (zero width space) is not a space in YAML"),
        ("name:x\nb: 2", "a.yaml:1:6: write a space after the ':'"),
        ("name: 'it's'", "a.yaml:1:11: text follows the closing quote; inside single quotes a quote is written twice"),
        ('data: "C:\\Users\\a"', "a.yaml:1:12: in double quotes a backslash begins an escape; write paths in single"),
        ('data: "C:\\data"', "a.yaml:1:11: in double quotes a backslash begins an escape"),
        ("a: b: c", "a.yaml:1:5: a ':' is not allowed here; check the indentation, or put the text in quotes"),
        ("a: [1, 2\nb: 3", "a.yaml:2:2: the list opened at line 1 needs ',' or ']' here"),
        ("a: {b: 1\n", "a.yaml:2:1: the map opened at line 1 needs ',' or '}' here"),
        ('a: "open\n', "a.yaml:1:4: the quote opened here is never closed"),
        ("a:\n  b: 1\n c: 2\n", "a.yaml:3:2: this does not line up with the lines above; check the indentation"),
        ("a: 1\nrate\nb: 2\n", "a.yaml:2:1: this looks like a key without its ':'"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: a second document starts here; a file may contain only one"),
        ("a: *x\n", "a.yaml:1:4: the alias 'x' has no anchor"),
        ("a: @x\n", "a.yaml:1:4: '@' cannot start a value; put the text in quotes"),
        ("a: \x07\n", "a.yaml:1:4: the character U+0007 is not allowed; remove it"),
        ('a: "\\UFFFFFFFF"\n', "a.yaml:1:7: in double quotes a backslash"),
        ('a: "\\uD800"\n', "a.yaml:1:4: a: an unpaired surrogate is not a character"),
        ("a: !!python/name:os.system x\n", "a.yaml:1:4: a: the tag !!python/name:os.system is not used"),
        ("a: !thing {b: 1}\n", "a.yaml:1:4: a: the tag !thing is not used in a configuration; remove it"),
        ("a: !!int x\n", "a.yaml:1:4: a: 'x' does not match the tag !!int"),
        (f"a: {'9' * 5000}\n", "a.yaml:1:4: a: a whole number must not have more than 1000 digits"),
        ("a: &x [*x]\n", "a.yaml:1:4: a[0]: this alias contains itself"),
        ("[" * 1000, "a.yaml:1:33: this is nested more than 32 levels deep"),
    ],
)
def test_broken_text_is_one_fault_in_plain_words(text: str, problem: str) -> None:
    problems = read(text)[1]
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_aliases_are_allowed_but_not_billions_of_them() -> None:
    assert read("a: &x {b: 1}\nc: *x\n") == ({"a": {"b": 1}, "c": {"b": 1}}, [])
    laughs = "a0: &a0 [x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
    )
    (problem,) = read(laughs)[1]
    assert "aliases repeat more than 10000 values" in problem


def test_a_byte_order_mark_and_any_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    tree = compose(read_text(path), Source("a.yaml"), Problems())
    assert tree is not None
    assert plain(tree) == {"a": 1, "b": 2}
    assert str(tree.child("b").mark) == "a.yaml:2:4"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff", ":1:4: this is not UTF-8 text"),
        (b"PK\0\0", ":1:3: .*this is a binary file"),
        ("a: 1".encode("utf-16"), ":1:1: this is not UTF-8 text"),
    ],
)
def test_what_is_no_text_is_one_fault(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigProblems, match=message) as caught:
        read_text(path)
    assert len(caught.value.problems) == 1


def test_a_file_too_large_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="is larger than 1 MiB") as caught:
        read_text(path)
    assert "\n" not in str(caught.value)


def test_folders_and_missing_files_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        read_text(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"null (byte|character)"):
        read_text(tmp_path / "a\0b")


yaml_like = st.text(alphabet=st.sampled_from(list("ab:-[]{},&*!|>'\"%#@?~ \n\t\\01.eux<\r\x85Ω")), max_size=40)


@settings(max_examples=trials(150, 400, 2000))
@given(st.one_of(st.text(), yaml_like))
def test_any_text_is_a_tree_or_faults(text: str) -> None:
    problems = Problems()
    problems.add_source("a.yaml", text)
    tree = compose(text, Source("a.yaml"), problems)
    if tree is not None:
        plain(tree)
    assert problems.render()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(
        ["1e3", "on", "null", "~", "010", "1:30", "0x1", "", " x ", "a: b", "# c", "10 µS", "<<", "=", "-"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=trials(150, 400, 2000))
@given(st.dictionaries(st.text(st.characters(codec="utf-8")).filter(lambda key: key != "<<"), values, max_size=4))
def test_what_is_dumped_is_read_back_the_same(tree: dict[str, Any]) -> None:
    if _holds_merge_key(tree):
        return
    text = yaml.dump(tree, Dumper=CoreDumper, allow_unicode=True, sort_keys=False, width=1 << 30)
    again, problems = read(text)
    assert not problems
    assert again == tree
    assert repr(again) == repr(tree)  # 1 is not 1.0, nor True


def _holds_merge_key(value: object) -> bool:
    if isinstance(value, dict):
        return "<<" in value or any(map(_holds_merge_key, value.values()))
    return isinstance(value, list) and any(map(_holds_merge_key, value))


def test_text_that_readers_of_yaml_1_1_would_take_for_something_else_is_quoted() -> None:
    text = yaml.dump({"a": "on", "b": "1:30", "c": "1e3", "d": "10 µS"}, Dumper=CoreDumper, allow_unicode=True)
    assert text == "a: 'on'\nb: '1:30'\nc: '1e3'\nd: 10 µS\n"
