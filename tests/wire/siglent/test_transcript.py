"""What a real SDG2042X answered (firmware 2.01.01.23R7, VXI-11), against the virtual one.

Source of every fact: transcripts and notes of the public repository pjaako/siglent-sdg-openhtf. The tables are a
selection; the environment variable LABRIG_SDG_TRANSCRIPT names transcripts of that repository, as in PATH, to replay
whole. Without it there is no such test.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from wire.siglent.rigs import virtual_bench

from labrig.virtual_instruments.siglent import VirtualSdg

DEFAULT = "WVTP,SINE,FRQ,1000HZ,PERI,0.001S,AMP,4V,AMPVRMS,1.414Vrms,OFST,0V,HLEV,2V,LLEV,-2V,PHSE,0"

WHOLE = [
    ("", "BSWV", DEFAULT),
    ("", "OUTP", "OFF,LOAD,HZ,PLRT,NOR"),
    ("", "BTWV", "STATE,OFF"),
    ("BSWV WVTP,DC", "BSWV", "WVTP,DC,OFST,0V"),
    ("BSWV WVTP,ARB", "BSWV", "WVTP,ARB,FRQ,1000HZ,PERI,0.001S,AMP,4V,OFST,0V,HLEV,2V,LLEV,-2V,PHSE,0"),
    ("BSWV WVTP,NOISE", "BSWV", "WVTP,NOISE,STDEV,0.23V,MEAN,0V,BANDSTATE,OFF"),
    (
        "BSWV WVTP,RAMP",
        "BSWV",
        "WVTP,RAMP,FRQ,1000HZ,PERI,0.001S,AMP,4V,AMPVRMS,1.15473Vrms,OFST,0V,HLEV,2V,LLEV,-2V,PHSE,0,SYM,50",
    ),
    (
        "BSWV WVTP,PULSE",
        "BSWV",
        "WVTP,PULSE,FRQ,1000HZ,PERI,0.001S,AMP,4V,AMPVRMS,2Vrms,OFST,0V,HLEV,2V,LLEV,-2V,"
        "DUTY,20,WIDTH,0.0002,RISE,8.4e-09S,FALL,8.4e-09S,DLY,0",
    ),
    (
        "OUTP LOAD,50; BSWV AMP,2; OUTP LOAD,50",
        "BSWV",
        "WVTP,SINE,FRQ,1000HZ,PERI,0.001S,AMP,2V,AMPVRMS,0.707Vrms,AMPDBM,9.99869dBm,OFST,0V,HLEV,1V,LLEV,-1V,PHSE,0",
    ),
    ("OUTP ON,LOAD,50,PLRT,INVT", "OUTP", "ON,LOAD,50,PLRT,INVT"),
    (
        "BTWV STATE,ON",
        "BTWV",
        "STATE,ON,PRD,0.01S,STPS,0,TRSR,INT,TRMD,OFF,TIME,1,DLAY,6.04035e-07S,GATE_NCYC,NCYC,"
        "CARR,WVTP,SINE,FRQ,1000HZ,AMP,4V,AMPVRMS,1.414Vrms,OFST,0V,PHSE,0",
    ),
    (
        "BTWV STATE,ON; BTWV STPS,90; BTWV DLAY,0.001; BTWV TIME,INF",
        "BTWV",
        "STATE,ON,STPS,90,TRSR,EXT,TIME,INF,DLAY,0.001S,GATE_NCYC,NCYC,"
        "CARR,WVTP,SINE,FRQ,1000HZ,AMP,4V,AMPVRMS,1.414Vrms,OFST,0V,PHSE,90",
    ),
    (
        "BTWV STATE,ON; BTWV TIME,3; BTWV TRSR,MAN; BTWV MTRIG; BTWV DLAY,0.001",
        "BTWV",
        "STATE,ON,STPS,0,TRSR,MAN,TRMD,OFF,TIME,3,DLAY,0.001S,GATE_NCYC,NCYC,"
        "CARR,WVTP,SINE,FRQ,1000HZ,AMP,4V,AMPVRMS,1.414Vrms,OFST,0V,PHSE,0",
    ),
    (
        "BTWV STATE,ON; BTWV GATE_NCYC,GATE; BTWV TRSR,EXT; BTWV PLRT,POS",
        "BTWV",
        "STATE,ON,STPS,0,TRSR,EXT,GATE_NCYC,GATE,PLRT,POS,"
        "CARR,WVTP,SINE,FRQ,1000HZ,AMP,4V,AMPVRMS,1.414Vrms,OFST,0V,PHSE,0",
    ),
    ("MDWV STATE,OFF", "MDWV", "STATE,OFF"),
]
"""(commands, query, reply after the header), each after *RST."""

FIELDS = [
    ("BSWV FRQ,1234.5678901", {"FRQ": "1234.56789HZ", "PERI": "0.00081S"}),
    ("BSWV FRQ,50E6", {"FRQ": "40000000HZ", "PERI": "2.5e-08S"}),
    ("BSWV FRQ,12345678.123456", {"FRQ": "12345678.12HZ"}),
    ("BSWV FRQ,0.000001", {"FRQ": "1e-06HZ", "PERI": "1e+06S"}),
    ("BSWV FRQ,0", {"FRQ": "0HZ", "PERI": "infS"}),
    ("BSWV FRQ,-5", {"FRQ": "0HZ"}),
    ("BSWV PERI,0.002", {"FRQ": "500HZ"}),
    ("BSWV AMP,2.0005; BSWV OFST,0.0005", {"AMP": "2.0005V", "HLEV": "1.00075V", "LLEV": "-0.99975V"}),
    ("BSWV AMP,25", {"AMP": "20V", "HLEV": "10V"}),
    ("BSWV AMP,20; BSWV OFST,5", {"OFST": "0V"}),
    ("BSWV AMP,0.0005", {"AMP": "0.002V", "AMPVRMS": "0.000707Vrms"}),
    ("BSWV AMP,0.002; BSWV OFST,12", {"OFST": "9.999V", "HLEV": "10V", "LLEV": "9.998V"}),
    ("BSWV OFST,3.3; BSWV AMP,25", {"AMP": "13.4V", "AMPVRMS": "4.7369Vrms", "LLEV": "-3.4V"}),
    ("OUTP LOAD,50; BSWV AMP,12", {"AMP": "10V", "AMPDBM": "23.9781dBm"}),
    ("OUTP LOAD,50; BSWV AMPDBM,3", {"AMP": "0.893502V", "AMPVRMS": "0.315853Vrms", "AMPDBM": "3dBm"}),
    ("OUTP LOAD,50; BSWV AMPVRMS,1", {"AMP": "2.82885V"}),
    ("OUTP LOAD,75; BSWV AMP,25", {"AMP": "12V", "AMPDBM": "23.8008dBm"}),
    ("OUTP LOAD,600; BSWV AMP,7.5; BSWV OFST,-3.3; BSWV AMP,15", {"AMP": "11.8615V", "LLEV": "-9.23077V"}),
    ("BSWV HLEV,3", {"AMP": "5V", "OFST": "0.5V"}),
    ("BSWV HLEV,3; BSWV LLEV,1; BSWV HLEV,0.5", {"AMP": "0.002V", "OFST": "1.001V", "HLEV": "1.002V"}),
    ("BSWV PHSE,400", {"PHSE": "40"}),
    ("BSWV PHSE,-90", {"PHSE": "-90"}),
    ("BSWV PHSE,-400", {"PHSE": "-40"}),
    ("BSWV PHSE,359.99999", {"PHSE": "360"}),
    ("BSWV DLY,0.0001; BSWV DUTY,30; BSWV SYM,30; BSWV STDEV,1", {"AMP": "4V", "PHSE": "0"}),
    ("BSWV FRQ,40E6; BSWV WVTP,SQUARE", {"FRQ": "25000000HZ", "DUTY": "50"}),
    ("BSWV WVTP,SQUARE,FRQ,25E6; BSWV DUTY,30", {"DUTY": "40.75"}),
    ("BSWV WVTP,SQUARE,DUTY,0.0001", {"DUTY": "0.00163"}),
    ("BSWV WVTP,SQUARE,DUTY,30; BSWV WVTP,SINE; BSWV WVTP,SQUARE", {"DUTY": "30"}),
    ("BSWV WVTP,RAMP,FRQ,2E6", {"FRQ": "1000000HZ"}),
    ("BSWV WVTP,ARB,FRQ,30E6", {"FRQ": "20000000HZ"}),
    ("BSWV WVTP,ARB; BSWV AMPVRMS,1", {"AMP": "4V"}),
    ("BSWV WVTP,PULSE,FRQ,30E6", {"WIDTH": "2.37e-08", "DUTY": "59.25"}),
    ("BSWV WVTP,PULSE,FRQ,30E6; BSWV FRQ,1000", {"WIDTH": "2.37e-08", "DUTY": "0.00237"}),
    ("BSWV WVTP,PULSE,DLY,0.0002; BSWV WVTP,SINE", {"PHSE": "-72"}),
    ("BSWV WVTP,DC,OFST,12", {"OFST": "10V"}),
    ("BSWV WVTP,NOISE,STDEV,0.5,MEAN,0.1; BSWV WVTP,SINE", {"AMP": "8.69565V", "OFST": "0.1V", "HLEV": "4.44783V"}),
    ("BSWV AMP,20; BSWV FRQ,20000000", {"AMP": "20V"}),
    ("BSWV AMP,20; BSWV FRQ,20000001; BSWV FRQ,1000", {"AMP": "10V"}),
    ("BSWV AMP,1; BSWV FRQ,40E6; BSWV OFST,12", {"OFST": "4.5V"}),
    ("BSWV AMP,3.3333333,OFST,1.1111111,PHSE,45.678912", {"AMP": "3.33333V", "OFST": "1.11111V", "PHSE": "45.6789"}),
    ("OUTP LOAD,50; BSWV AMP,3.3; BSWV OFST,1.65; OUTP LOAD,HZ; BSWV AMP,25", {"AMP": "13.4V"}),
    ("BSWV MAX_OUTPUT_AMP,5; BSWV AMP,10", {"AMP": "10V"}),
]
"""(commands, fields of `C2:BSWV?` that matter)."""

BURST = [
    ("BTWV PRD,0.5; BTWV STATE,ON", {"PRD": "0.01S"}),
    ("BTWV STATE,ON; BTWV TIME,0", {"TIME": "1"}),
    ("BTWV STATE,ON; BTWV TIME,2000000", {"TIME": "1000000"}),
    ("BTWV STATE,ON; BTWV TIME,INF; BTWV TRSR,INT", {"TRSR": "EXT"}),
    ("BTWV STATE,ON; BTWV TIME,INF; BTWV TRSR,MAN; BTWV TRSR,INT", {"TRSR": "MAN", "TIME": "INF"}),
    ("BTWV STATE,ON; BTWV STPS,400", {"STPS": "40"}),
    ("BTWV STATE,ON; BTWV DLAY,1000", {"DLAY": "100S"}),
    ("BTWV STATE,ON; BTWV TRSR,MAN; BTWV TRMD,RISE; BTWV TRSR,EXT; BTWV TRSR,MAN", {"TRMD": "OFF"}),
    ("BTWV STATE,ON; BTWV TRSR,MAN; BTWV GATE_NCYC,GATE", {"TRSR": "INT", "GATE_NCYC": "GATE", "PLRT": "NEG"}),
    ("BTWV STATE,ON; BTWV CARR,WVTP,SQUARE; BTWV CARR,FRQ,7000", {"STATE": "ON", "WVTP": "SQUARE", "FRQ": "7000HZ"}),
    ("BTWV STATE,ON; BTWV TIME,INF; BSWV WVTP,SINE; BTWV STATE,ON", {"TIME": "INF", "TRSR": "EXT"}),
    (
        "BTWV STATE,ON; BTWV CARR,WVTP,NOISE; BTWV CARR,STDEV,0.3; BTWV CARR,MEAN,0.1; BTWV CARR,WVTP,RAMP",
        {"AMP": "5.21739V", "AMPVRMS": "1.50617Vrms", "OFST": "0.1V", "GATE_NCYC": "GATE"},
    ),
    ("BTWV STATE,ON; BSWV WVTP,SINE", {"STATE": "OFF"}),
    ("BSWV WVTP,DC; BTWV STATE,ON", {"STATE": "OFF"}),
    ("BTWV CARR,AMP,2; BTWV STATE,ON", {"AMP": "2V"}),
]
"""(commands, fields of `C2:BTWV?` that matter)."""


@pytest.fixture
def generator():
    made = VirtualSdg(virtual_bench(), "gen")
    yield made
    assert made.failure is None


def told(generator: VirtualSdg, commands: str, query: str) -> str:
    generator.execute(b"*RST")
    for command in filter(None, commands.split("; ")):
        assert generator.execute(f"C2:{command}".encode()) == b""
    reply = generator.execute(f"C2:{query}?".encode()).decode()
    assert reply.endswith("\n")
    header, _, rest = reply[:-1].partition(" ")
    assert header == f"C2:{query}"
    return rest


@pytest.mark.parametrize(("commands", "query", "reply"), WHOLE)
def test_whole_replies(generator, commands, query, reply):
    assert told(generator, commands, query) == reply


@pytest.mark.parametrize(("commands", "fields"), FIELDS)
def test_fields_of_the_basic_wave(generator, commands, fields):
    words = told(generator, commands, "BSWV").split(",")
    got = dict(zip(words[::2], words[1::2], strict=True))
    assert {key: got.get(key) for key in fields} == fields


@pytest.mark.parametrize(("commands", "fields"), BURST)
def test_fields_of_the_burst(generator, commands, fields):
    words = told(generator, commands, "BTWV").replace(",CARR,", ",").split(",")
    got = dict(zip(words[::2], words[1::2], strict=True))
    assert {key: got.get(key) for key in fields} == fields


@pytest.mark.parametrize(
    ("written", "read"),
    [("LOAD,10", "50"), ("LOAD,200000", "100000"), ("LOAD,1234.5", "1234"), ("LOAD,75", "75"), ("LOAD,HZ", "HZ")],
)
def test_loads(generator, written, read):
    assert told(generator, f"OUTP {written}", "OUTP") == f"OFF,LOAD,{read},PLRT,NOR"


def test_common_answers(generator):
    assert re.fullmatch(rb"Siglent Technologies,SDG2042X,\w+,2\.01\.01\.23R7\n", generator.execute(b"*IDN?"))
    generator.execute(b"C1:BSWV FRQ,nonsense")
    assert generator.execute(b"SYST:ERR?") == b"+0, No error\n"
    assert generator.execute(b"*OPC?") == b"1\n"


def _exchanges(path: Path):
    """(line, command, reply or None) of a transcript; what it marks as not modelled is sent but not compared."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        skipped = line.startswith("#! ")
        text = line.removeprefix("#! ")
        if text.startswith("-> "):
            after = lines[number + 1].removeprefix("#! ") if number + 1 < len(lines) else ""
            yield number + 1, text[3:], after[3:] if after.startswith("<- ") and not skipped else None


_FILES = [Path(name) for name in os.environ.get("LABRIG_SDG_TRANSCRIPT", "").split(os.pathsep) if name]


if _FILES:

    @pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
    def test_whole_transcript(generator, path):
        wrong = []
        compared = 0
        for line, command, expected in _exchanges(path):
            reply = generator.execute(command.encode()).decode().rstrip("\n")
            if expected is None or re.search(r"MDWV|SWWV", command):  # modulation and sweep are not modelled
                continue
            compared += 1
            if reply != expected:
                wrong.append(f"line {line}: {command}\n  real    {expected}\n  virtual {reply}")
        assert compared
        assert not wrong, f"{len(wrong)} of {compared} differ:\n" + "\n".join(wrong)
