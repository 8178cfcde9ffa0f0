"""Settings of a virtual Trueform generator that are only stored and read back, without effect on the output.

Their names and their values after *RST are those of a real 33600A (see tests/wire/README.md). Switching on a
modulation, a sweep or a sum ends the burst, because only one of these modes can be active.
"""

from __future__ import annotations

OF_CHANNEL = {
    "[SOURce#:]AM:DEPTh": "+1.000000000000000E+02",
    "[SOURce#:]AM:DSSC": "0",
    "[SOURce#:]AM:INTernal:FREQuency": "+1.000000000000000E+02",
    "[SOURce#:]AM:INTernal:FUNCtion": "SIN",
    "[SOURce#:]AM:SOURce": "INT",
    "[SOURce#:]BPSK:INTernal:RATE": "+1.000000000000000E+01",
    "[SOURce#:]BPSK:PHASe": "+1.800000000000000E+02",
    "[SOURce#:]BPSK:SOURce": "INT",
    "[SOURce#:]BURSt:GATE:POLarity": "NORM",
    "[SOURce#:]BURSt:INTernal:PERiod": "+1.000000000000000E-02",
    "[SOURce#:]FM:DEViation": "+1.000000000000000E+02",
    "[SOURce#:]FM:INTernal:FREQuency": "+1.000000000000000E+01",
    "[SOURce#:]FREQuency:MODE": "CW",
    "[SOURce#:]FREQuency:STARt": "+1.000000000000000E+02",
    "[SOURce#:]FREQuency:STOP": "+1.000000000000000E+03",
    "[SOURce#:]FSKey:FREQuency": "+1.000000000000000E+02",
    "[SOURce#:]FUNCtion:ARBitrary:ADVance": "SRAT",
    "[SOURce#:]FUNCtion:NOISe:BANDwidth": "+1.000000000000000E+05",
    "[SOURce#:]FUNCtion:PULSe:HOLD": "WIDT",
    "[SOURce#:]FUNCtion:PULSe:WIDTh": "+1.000000000000000E-04",
    "[SOURce#:]FUNCtion:RAMP:SYMMetry": "+1.000000000000000E+02",
    "[SOURce#:]FUNCtion:SQUare:DCYCle": "+5.000000000000000E+01",
    "[SOURce#:]PM:DEViation": "+1.800000000000000E+02",
    "[SOURce#:]PWM:DEViation": "+1.000000000000000E-05",
    "[SOURce#:]SUM:AMPLitude": "+1.000000000000000E-01",
    "[SOURce#:]SWEep:SPACing": "LIN",
    "[SOURce#:]SWEep:TIME": "+1.000000000000000E+00",
    "[SOURce#:]VOLTage:LIMit:HIGH": "+5.000000000000000E+00",
    "[SOURce#:]VOLTage:LIMit:LOW": "-5.000000000000000E+00",
    "[SOURce#:]VOLTage:LIMit:STATe": "0",
    "[SOURce#:]VOLTage:RANGe:AUTO": "1",
    "INITiate#:CONTinuous[:ALL]": "1",
    "OUTPut#:MODE": "NORM",
    "OUTPut#:SYNC[:STATe]": "1",
    "OUTPut#:SYNC:MODE": "NORM",
    "OUTPut#:SYNC:SOURce": "CH1",
    "OUTPut#:TRIGger[:STATe]": "0",
    "OUTPut#:TRIGger:SLOPe": "POS",
    "TRIGger#:COUNt": "+1.000000000000000E+00",
    "TRIGger#:LEVel": "+3.300000000000000E+00",
    "TRIGger#:TIMer": "+1.000000000000000E+00",
}
"""Settings of each channel."""

MODES = tuple(f"[SOURce#:]{mode}:STATe" for mode in ("AM", "FM", "PM", "PWM", "FSKey", "BPSK", "SWEep", "SUM"))
"""States of modes that exclude a burst."""

OF_GENERATOR = {
    "DISPlay": "1",
    "ROSCillator:SOURce:AUTO": "ON",
    "UNIT:ARBitrary:ANGLe": "DEG",
}
"""Settings of the whole generator."""
