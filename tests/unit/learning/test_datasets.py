"""Tables, splits, encodings: what is refused, and that nothing of the test part leaks into training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.config.section import OptionError
from labrig.learning.datasets import read_labelled_csv, scaled, split_by_class
from labrig.learning.tasks.encoding import Encode

GOOD = "# a comment\na, b ,kind\n1,2.5,x\n\n-3e-1,4,y\n0,1,x\n"


def write(folder, text: str, encoding: str = "utf-8"):
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table(tmp_path, encoding):
    table = read_labelled_csv(write(tmp_path, GOOD, encoding), "kind")
    np.testing.assert_array_equal(table.features, [[1, 2.5], [-0.3, 4], [0, 1]])
    np.testing.assert_array_equal(table.labels, [0, 1, 0])
    assert table.classes == ("x", "y")
    assert table.columns == ("a", "b")


def test_columns_by_name(tmp_path):
    table = read_labelled_csv(write(tmp_path, GOOD), "kind", ["b"])
    np.testing.assert_array_equal(table.features, [[2.5], [4], [1]])


@pytest.mark.parametrize(
    ("text", "label", "features", "key", "message"),
    [
        (GOOD, "species", None, "label", "no column 'species'; its columns are a, b, kind"),
        (GOOD, "kind", ["c"], "features", "no column 'c'"),
        ("a,kind\n", "kind", None, "data", "only a header line, no examples"),
        ("", "kind", None, "data", "no header line"),
        ("a,kind\n1,x\n2\n", "kind", None, "data", "table.csv:3:1: the row has 1 field, but the header has 2"),
        ("# c\na,kind\n1,x\n\nnan,x\n", "kind", None, "data", "table.csv:5:1: column 'a': 'nan' is not a number"),
        ("a,kind\n1e999,x\n", "kind", None, "data", "'1e999' is too large"),
        ("a,kind\nhigh,x\n", "kind", None, "data", "'high' is not a number"),
        ("a,kind\n1_5,x\n", "kind", None, "data", "'1_5' is not a number; digits are not grouped: write '15'"),
        ("a,kind\n1,x\n2,\n", "kind", None, "data", "table.csv:3:3: the example has no class"),
        ("a,,kind\n1,2,x\n", "kind", None, "data", "table.csv:1:3: a column has no name"),
        ("# c\na,b,a,kind\n1,2,3,x\n", "kind", None, "data", "table.csv:2:1: 2 columns are called 'a'; rename them"),
        ("a,kind,kind\n1,x,y\n", "kind", None, "data", "2 columns are called 'kind'"),
        ("a,b,a,kind\n1,2,3,x\n", "kind", ["b", "a"], "data", "2 columns are called 'a'"),
        (GOOD, "kind", ["a", "b", "a"], "features", "column 'a' is named twice"),
        (
            "a,kind\n-1e308,x\n1e308,x\n",
            "kind",
            None,
            "data",
            "column 'a' ranges from -1e.308 to 1e.308, which is too wide",
        ),
    ],
)
def test_what_is_refused(tmp_path, text, label, features, key, message):
    with pytest.raises(OptionError, match=message) as caught:
        read_labelled_csv(write(tmp_path, text), label, features)
    assert caught.value.key == (key,)


def test_two_columns_of_one_name_that_nobody_uses_do_no_harm(tmp_path):
    table = read_labelled_csv(write(tmp_path, "a,note,note,kind\n1,x,y,z\n"), "kind", ["a"])
    np.testing.assert_array_equal(table.features, [[1]])


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a,kind\n1,x \n2,x\n3,y\n", "table.csv:2:3: the label 'x ' ends with a blank; it is read as 'x'"),
        ("a,kind\n1,x\n2,X\n", "table.csv:2:3: the classes 'X' and 'x' differ only in case or blanks"),
        ("a,kind\n1,p q\n2,p  q\n", "the classes 'p  q' and 'p q' differ only in case or blanks"),
    ],
)
def test_labels_that_look_alike_are_noted(tmp_path, text, note):
    (found,) = read_labelled_csv(write(tmp_path, text), "kind").notes
    assert note in found
    assert not read_labelled_csv(write(tmp_path, GOOD), "kind").notes


def test_an_example_far_outside_a_narrow_training_range_is_clipped():
    features = np.array([[0.0], [1e-300], [1e300]])
    volts = scaled(features, np.array([0.0]), np.array([1e-300]), 1.2)
    np.testing.assert_array_equal(volts, [[-1.0], [1.0], [1.2]])


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(OptionError, match=r"cannot read nowhere\.csv: No such file"):
        read_labelled_csv(tmp_path / "nowhere.csv", "kind")
    with pytest.raises(OptionError, match="not UTF-8"):
        read_labelled_csv(write(tmp_path, "a,kind\n1,ä\n", "latin-1"), "kind")


@given(
    st.integers(0, 1000), st.lists(st.integers(0, 2), min_size=30, max_size=60), st.integers(1, 4), st.integers(0, 4)
)
def test_a_split_is_disjoint_and_counted_per_class(seed, labels, train, test):
    labels = np.array([0] * 8 + [1] * 8 + [2] * 8 + labels)
    one, other = split_by_class(labels, "abc", train, test, np.random.default_rng(seed))
    assert not set(one) & set(other)
    assert len(set(one)) == len(one)
    np.testing.assert_array_equal(np.bincount(labels[one], minlength=3), [train] * 3)
    np.testing.assert_array_equal(np.bincount(labels[other], minlength=3), [test] * 3)


def test_a_split_follows_its_generator():
    labels = np.repeat([0, 1], 50)
    splits = [np.concatenate(split_by_class(labels, "ab", 10, 10, np.random.default_rng(seed))) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(splits[0], splits[1])
    assert (splits[0] != splits[2]).any()


def test_too_few_examples_of_a_class():
    with pytest.raises(OptionError, match=r"class 'b' has 3 examples, but split asks for 2 \+ 2") as caught:
        split_by_class(np.array([0, 0, 0, 0, 1, 1, 1]), ("a", "b"), 2, 2, np.random.default_rng(0))
    assert caught.value.key == ("split",)


FEATURES = np.array([[0.0, 5.0, 1.0], [10.0, 5.0, 3.0], [5.0, 5.0, 2.0], [100.0, 6.0, 0.0]])
TRAIN = np.array([0, 1, 2])


def encoded(features=FEATURES, **changes):
    given = {"full_scale_v": 0.5, "clip": 1.2, "complements": True, "bias_v": [-1.0, 1.0], **changes}
    encode = Encode(
        full_scale=f"{given['full_scale_v']} V",
        ranges=given.get("ranges"),
        clip=given["clip"],
        complements=given["complements"],
        unipolar=given.get("unipolar", False),
        bias=[f"{level} V" for level in given["bias_v"]],
    )
    return encode.inputs(encode.volts(features, *encode.limits(("a", "b", "c"), features[TRAIN])))


def test_encoding_by_hand():
    volts = encoded()
    np.testing.assert_allclose(volts[0], [-0.5, 0, -0.5, 0.5, 0, 0.5, -1, 1])
    np.testing.assert_allclose(volts[1], [0.5, 0, 0.5, -0.5, 0, -0.5, -1, 1])
    np.testing.assert_allclose(volts[2], [0, 0, 0, 0, 0, 0, -1, 1], atol=1e-16)
    np.testing.assert_allclose(volts[3], [0.6, 0, -0.6, -0.6, 0, 0.6, -1, 1])
    np.testing.assert_allclose(encoded(complements=False, bias_v=[])[3], [0.6, 0, -0.6])


def test_a_unipolar_encoding_by_hand():
    """From 0 to full_scale, whatever the test part holds; a complement is what is missing to full_scale."""
    volts = encoded(unipolar=True, bias_v=[0.5])
    np.testing.assert_allclose(volts[0], [0, 0.25, 0, 0.5, 0.25, 0.5, 0.5])
    np.testing.assert_allclose(volts[1], [0.5, 0.25, 0.5, 0, 0.25, 0, 0.5])
    np.testing.assert_allclose(volts[3], [0.5, 0.25, 0, 0, 0.25, 0.5, 0.5])


def test_the_range_of_one_feature_can_be_given():
    volts = encoded(ranges={"c": (0.0, 4.0)}, complements=False, bias_v=[])
    np.testing.assert_allclose(volts, [[-0.5, 0, -0.25], [0.5, 0, 0.25], [0, 0, 0], [0.6, 0, -0.5]], atol=1e-16)
    with pytest.raises(OptionError, match="no feature 'd'; the features are a, b, c"):
        encoded(ranges={"d": (0.0, 4.0)})


def test_nothing_of_the_test_part_reaches_the_scaling():
    changed = FEATURES.copy()
    changed[3] = [-1e6, 1e6, 7.0]
    np.testing.assert_array_equal(encoded(changed)[:3], encoded()[:3])
    moved = FEATURES.copy()
    moved[2, 0] = 20.0
    assert (encoded(moved)[0] == encoded()[0]).all()
    assert encoded(moved)[1, 0] != encoded()[1, 0]
