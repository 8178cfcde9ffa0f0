"""Mistakes in header, task, learning and acquisition, one each, and what the one error must say."""

from __future__ import annotations

from dataclasses import dataclass

from cli.config_texts import FLOWERS, IRIS, PLACE, Edit


@dataclass(frozen=True)
class Mistake:
    """path: of the fault, as shown. says: words of its message."""

    name: str
    edits: tuple[Edit, ...]
    path: str
    says: tuple[str, ...]
    base: str = IRIS
    flowers: str = FLOWERS


def one_edit(name: str, old: str, new: str, path: str, *says: str, at: str = "", base: str = IRIS) -> Mistake:
    """One edit; the mark stands at PLACE in it, or where `at` begins."""
    return Mistake(name, (Edit(old, new), *([Edit(at, PLACE + at)] if at else [])), path, says, base)


MISTAKES = [
    one_edit("unknown key", "  rate: 0.1", "  ▲rat: 0.1", "learning.rat", "unknown key 'rat'", "did you mean 'rate'?"),
    one_edit(
        "unknown key unlike any",
        "  batch: 1",
        "  ▲velocity: 1",
        "learning.velocity",
        "unknown key",
        "allowed:",
        "batch",
    ),
    one_edit("unknown section", "limits:", "▲limitz:", "limitz", "did you mean 'limits'?"),
    one_edit("misspelt section", "learning:\n", "▲lerning:\n", "lerning", "did you mean 'learning'?"),
    one_edit(
        "missing section",
        "acquisition: {sample_rate: 50 kS/s, window: 20 ms, settle: auto, tones: auto, band: [200 Hz, 2 kHz]}\n",
        "",
        "acquisition",
        "missing required key 'acquisition'",
        at="version:",
    ),
    one_edit(
        "missing key",
        "acquisition: {sample_rate: 50 kS/s, window: 20 ms, ",
        "▲acquisition: {sample_rate: 50 kS/s, ",
        "acquisition.window",
        "missing required key 'window'",
    ),
    one_edit("bare number", "window: 20 ms", "window: ▲20", "acquisition.window", "write the unit, e.g. '20 ms'"),
    one_edit(
        "wrong dimension",
        "window: 20 ms",
        "window: ▲20 Hz",
        "acquisition.window",
        "'20 Hz' is a frequency",
        "a time such as '20 ms'",
    ),
    one_edit(
        "unit of another dimension", "20 ms", "▲20 mms", "acquisition.window", "'mms' in '20 mms'; did you mean 'ms'?"
    ),
    one_edit("decimal comma", "20 ms", "▲20,0 ms", "acquisition.window", "written with a point: '20.0 ms'"),
    one_edit(
        "comma of thousands or of decimals",
        "20 ms",
        "▲20,000 ms",
        "acquisition.window",
        "is the comma a decimal point? Write '20.000 ms'. Does it group thousands? Write '20000 ms'",
    ),
    one_edit(
        "decimal comma in a list",
        "range: [10 µS, 100 µS]",
        "range: ▲[10,5 µS, 100 µS]",
        "network.programmable.range",
        "so '10,5 µS' is two items; decimals are written with a point: '10.5 µS'",
    ),
    one_edit(
        "a number where text is wanted, shown as written",
        "name: iris",
        "name: ▲01E5",
        "name",
        "got 01E5; write it in quotes: '01E5'",
    ),
    one_edit("decimal comma in a number", "rate: 0.1", "rate: ▲0,1", "learning.rate", "written with a point: '0.1'"),
    one_edit("unknown unit", "temperature: 50 mV", "temperature: ▲50 mv", "learning.temperature", "did you mean 'mV'"),
    one_edit("not a number", "rate: 0.1", "rate: ▲fast", "learning.rate", "expected a number, got 'fast'"),
    one_edit("seed not a number", "seed: 0", "seed: ▲zero", "seed", "expected a whole number, got 'zero'"),
    one_edit("negative seed", "seed: 0", "seed: ▲-1", "seed", "must be at least 0"),
    one_edit("name no file name", "name: iris", "name: ▲../iris", "name", "letters, digits"),
    one_edit("wrong version", "version: 1", "version: ▲2", "version", "expected 1, got 2"),
    one_edit(
        "no split",
        "  classification: {data: flowers.csv, label: species}\n  split: {train_per_class: 3, test_per_class: 1}\n",
        "  ▲classification: {data: flowers.csv, label: species}\n",
        "task.classification",
        "needs split",
        "train_per_class: 30",
    ),
    Mistake(
        "a split under a regression",
        (Edit("  classification: {data: flowers.csv, label: species}\n  split:", "  regression: {}\n  ▲split:"),),
        "task.split",
        ("regression does not use split; remove it", "train, test"),
    ),
    Mistake(
        "a matrix that no network has",
        (
            Edit(
                "  classification: {data: flowers.csv, label: species}\n"
                "  split: {train_per_class: 3, test_per_class: 1}\n",
                "  regression: {matrix: [[0.1, ▲-0.1, 0.2, 0.1], [0.1, 0, 0, 0], [0, 0, 0, 0.1]]}\n",
            ),
            Edit("complements: true", "complements: false"),
            Edit("  loss: softmax_cross_entropy\n  temperature: 50 mV\n", "  loss: squared_error\n"),
        ),
        "task.regression.matrix[0][1]",
        ("-0.1 is negative: no network of resistors can realize it without complements", "'complements: true'"),
    ),
    one_edit(
        "drive beyond the digitizer",
        "full_scale: 1 V",
        "full_scale: ▲2 V",
        "task.encode.full_scale",
        "in0 is driven with up to 2.",
        "(clip × full_scale)",
        "above the full scale of daq, 2 V",
    ),
    Mistake(
        "drive outside the supply",
        (Edit("full_scale: 1 V", "full_scale: ▲3 V"), Edit("bits: 16, full_scale: 2 V", "bits: 16, full_scale: 5 V")),
        "task.encode.full_scale",
        ("outside the supply of its parts, -2.5 V to 2.5 V",),
    ),
    one_edit(
        "bias beyond the digitizer", "bias: [-1 V, 1 V]", "bias: [-1 V, ▲3 V]", "task.encode.bias[1]", "in5", "daq, 2 V"
    ),
    one_edit(
        "sample rate beyond the model",
        "sample_rate: 50 kS/s",
        "sample_rate: ▲500 kS/s",
        "acquisition.sample_rate",
        "500 kS/s is too fast: daq",
        "250 kS/s at most",
    ),
    one_edit(  # at which the window would be 20 million samples: the window is not to blame
        "sample rate beyond every model",
        "sample_rate: 50 kS/s",
        "sample_rate: ▲1 GS/s",
        "acquisition.sample_rate",
        "1 GS/s is too fast: daq",
        "250 kS/s at most",
    ),
    one_edit(
        "pilot below the digitizer's steps",
        "band: [200 Hz, 2 kHz]}",
        "band: [200 Hz, 2 kHz], pilot: ▲1 µV}",
        "acquisition.pilot",
        "a pilot of 1 µV is lost in the quantization noise of daq (steps of 61.04 µV) over 1000 samples",
        "use at least 8 µV",
    ),
    one_edit(
        "window of no whole number of samples",
        "window: 20 ms",
        "window: ▲20.01 ms",
        "acquisition.window",
        "not a whole number",
        "0.02 s (1000 samples)",
    ),
    one_edit(
        "tone off the grid",
        "tones: auto",
        "tones: ▲[1010 Hz]",
        "acquisition.tones",
        "not a whole number",
        "1000 Hz or 1050 Hz",
    ),
    one_edit(
        "tone outside the band",
        "tones: auto",
        "tones: ▲[5 kHz]",
        "acquisition.tones",
        "outside the band",
        "200 Hz to 2000 Hz",
    ),
    one_edit(
        "too many tones",
        "tones: auto",
        "tones: ▲[250 Hz, 450 Hz]",
        "acquisition.tones",
        "got 2 tones, but 1 is needed (for the error)",
    ),
    one_edit(
        "no tone possible",
        "band: [200 Hz, 2 kHz]",
        "band: ▲[210 Hz, 240 Hz]",
        "acquisition.band",
        "no tone",
        "use a window of 0.04 s",
    ),
    one_edit(
        "band the wrong way round",
        "band: [200 Hz, 2 kHz]",
        "band: ▲[2 kHz, 200 Hz]",
        "acquisition.band",
        "below the second",
    ),
    one_edit("settle too short", "settle: auto", "settle: ▲10 µs", "acquisition.settle", "400 µs", "settle: auto"),
    one_edit(
        "window beyond the deadline",
        "window: 20 ms",
        "window: ▲3 s",
        "acquisition.window",
        "limits.step allows only 2 s",
    ),
    one_edit("pilot too large", "band:", "pilot: ▲3 V, band:", "acquisition.pilot", "3 V", "2 V"),
    one_edit(
        "task and board of different size",
        "bias: [-1 V, 1 V]",
        "bias: [1 V]",
        "task.classification",
        "5 inputs",
        "6 nodes are driven",
        at="{data",
    ),
    Mistake(
        "loss of another task",
        (Edit("loss: softmax_cross_entropy", "loss: ▲squared_error"), Edit("  temperature: 50 mV\n", "")),
        "learning.loss",
        ("classification is trained with softmax_cross_entropy",),
    ),
    one_edit(
        "temperature without its loss",
        "loss: softmax_cross_entropy\n  temperature: 50 mV",
        "loss: squared_error\n  ▲temperature: 50 mV",
        "learning.temperature",
        "belongs to softmax_cross_entropy",
    ),
    one_edit(
        "loss without its temperature",
        "loss: softmax_cross_entropy\n  temperature: 50 mV\n",
        "loss: softmax_cross_entropy\n",
        "learning.temperature",
        "missing required key 'temperature', e.g. 'temperature: 500 mV'",
        at="learning:",
    ),
    one_edit(
        "target the task has not",
        "learning:\n",
        "  target: {▲rms: 1 mV}\nlearning:\n",
        "task.target.rms",
        "unknown key 'rms'",
        "test_accuracy, train_accuracy",
    ),
    one_edit(
        "more epochs than a life has days",
        "epochs: 2",
        "epochs: ▲1e20",
        "learning.epochs",
        "9.00e+20 examples, 9 in each epoch, would take",
        "years",
        "use at most 111111111 epochs",
    ),
    one_edit(
        "error beyond the source",
        "current: 1 µA",
        "current: ▲1 mA",
        "learning.error.current",
        "1 mA through 100 kΩ into out0 needs 100 V",
        "5 V",
        "at most 50 µA",
    ),
    one_edit("no map", "limits: {node: 5 V, edge_power: 5 mW, step: 2 s}", "limits: ▲5 V", "limits", "expected a map"),
    one_edit("infinite rate", "rate: 0.1", "rate: ▲.inf", "learning.rate", "expected a finite number"),
    one_edit(
        "temperature that overflows",
        "temperature: 50 mV",
        "temperature: ▲1e-320 V",
        "learning.temperature",
        "must be at least 1 pV",
    ),
    one_edit(
        "broken syntax",
        "limits: {node: 5 V, edge_power",
        "limits: {node: 5 V edge_power▲",
        "",
        "the map opened at line 32 needs ',' or '}' here",
    ),
    one_edit("tab", "  batch: 1", "▲\tbatch: 1", "", "tab"),
    one_edit(
        "extends what is not there",
        "version: 1\n",
        "version: 1\nextends: [▲base.yaml]\n",
        "extends[0]",
        "no file 'base.yaml'",
        "packaged",
    ),
    one_edit(
        "duplicate key",
        "  batch: 1\n",
        "  batch: 1\n  ▲batch: 2\n",
        "learning.batch",
        "duplicate key 'batch' (first at line 19)",
    ),
    one_edit(
        "a band above half the sample rate",
        "band: [200 Hz, 2 kHz]",
        "band: ▲[30 kHz, 40 kHz]",
        "acquisition.band",
        "begins above half the sample rate, 25 kHz; lower the band, or raise sample_rate",
    ),
    one_edit(
        "two tasks",
        "  split: {train_per_class: 3, test_per_class: 1}",
        "  ▲xor: {}\n  split: {train_per_class: 3, test_per_class: 1}",
        "task.xor",
        "write exactly one of classification,",
        "not classification and xor",
    ),
    one_edit(
        "a misspelt task",
        "  classification: {data",
        "  ▲clasification: {data",
        "task.clasification",
        "unknown key 'clasification'; did you mean 'classification'?",
    ),
    one_edit(
        "no task at all",
        "  classification: {data: flowers.csv, label: species}\n",
        "",
        "task",
        "write exactly one of",
        at="task:",
    ),
    one_edit(
        "a task of a module that is not there",
        "  classification: {data: flowers.csv, label: species}\n",
        "  ▲nothere:Task: {}\n",
        "task.nothere:Task",
        "there is no module 'nothere'; install it, or put it next to the configuration",
    ),
    one_edit(
        "an update that is not there",
        "  epochs: 2",
        "  update: ▲momentun\n  epochs: 2",
        "learning.update",
        "'momentun' is not one of 'gradient_descent', 'stochastic_rounding', 'sign', 'momentum', 'desynchronized'",
    ),
]
