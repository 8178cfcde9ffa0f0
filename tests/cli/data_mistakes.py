"""Mistakes in the data of a task, one each, and what the one error must say."""

from __future__ import annotations

from cli.config_texts import FLOWERS, Edit
from cli.mistakes import Mistake, one_edit

DATA_MISTAKES = [
    one_edit(
        "missing column",
        "label: species",
        "label: ▲specie",
        "task.classification.label",
        "flowers.csv has no column 'specie'",
        "petal_cm, sepal_cm, species",
    ),
    one_edit(
        "missing feature",
        "label: species",
        "label: species, features: ▲[petal_cm, stem]",
        "task.classification.features",
        "no column 'stem'",
        "petal_cm, sepal_cm, species",
    ),
    Mistake(
        "NaN in the data",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("flowers.csv:3:1: column 'petal_cm': 'nan' is not a number",),
        flowers=FLOWERS.replace("\n0.1,", "\nnan,"),
    ),
    Mistake(
        "a field too few",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("flowers.csv:3:1: the row has 2 fields, but the header has 3",),
        flowers=FLOWERS.replace("\n0.1,", "\n"),
    ),
    Mistake(
        "an example without a class",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("the example has no class in column",),
        flowers=FLOWERS.replace(",setosa\n", ",\n", 1),
    ),
    Mistake(
        "two columns of one name",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("flowers.csv:1:1: 2 columns are called 'petal_cm'; rename them",),
        flowers=FLOWERS.replace("sepal_cm", "petal_cm"),
    ),
    one_edit(
        "a feature twice",
        "label: species",
        "label: species, features: ▲[petal_cm, petal_cm]",
        "task.classification.features",
        "column 'petal_cm' is named twice",
    ),
    Mistake(
        "numbers too far apart to be scaled",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("flowers.csv: column 'petal_cm' ranges from -1e+308 to 1e+308, which is too wide to be scaled",),
        flowers=FLOWERS.replace("\n0.1,", "\n1e308,").replace("\n0.2,", "\n-1e308,"),
    ),
    Mistake(
        "a class too few",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("2 classes", "'setosa', 'versicolor'", "3 nodes have an error", "complete the data, or give 2 nodes an error"),
        flowers=FLOWERS.partition("2.0,")[0],
    ),
    Mistake(
        "empty data",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("has no header line and no rows",),
        flowers="",
    ),
    Mistake(
        "data that is no text",
        (Edit("data: flowers", "data: ▲flowers"),),
        "task.classification.data",
        ("not UTF-8 text",),
        flowers="\udcff\udcfe",
    ),
    one_edit(
        "no such data", "data: flowers.csv", "data: ▲trees.csv", "task.classification.data", "no file 'trees.csv'"
    ),
    one_edit(
        "too few examples of a class",
        "split: {train_per_class: 3, test_per_class: 1}",
        "split: ▲{train_per_class: 30, test_per_class: 20}",
        "task.split",
        "class 'setosa' has 5 examples, but split asks for 30 + 20",
    ),
    one_edit(
        "a folder for data",
        "data: flowers.csv",
        "data: ▲/",
        "task.classification.data",
        "'/' is a folder; name the CSV file in it",
    ),
    one_edit(
        "data on the web",
        "data: flowers.csv",
        "data: ▲https://example.org/flowers.csv",
        "task.classification.data",
        "is a web address; download the file, and name it",
    ),
]
