"""Settings of a virtual DG1000Z that are only stored and read back, without effect on the output.

Names and values after *RST are those of the DG1000Z Programming Guide. Switching on a modulation, a sweep or a sum ends
the burst, because only one of these modes can be active.
"""

OF_CHANNEL = {
    "[SOURce#:]BURSt:GATE:POLarity": "NORM",
    "[SOURce#:]BURSt:INTernal:PERiod": "1.000000E-02",
    "[SOURce#:]BURSt:TRIGger:TRIGOut": "OFF",
    "[SOURce#:]FUNCtion:SQUare:DCYCle": "5.000000E+01",
    "[SOURce#:]FUNCtion:RAMP:SYMMetry": "5.000000E+01",
    "[SOURce#:]FUNCtion:PULSe:WIDTh": "5.000000E-04",
    "[SOURce#:]FUNCtion:ARBitrary:MODE": "FREQ",
    "[SOURce#:]MOD:TYPe": "AM",
    "[SOURce#:]SUM:AMPLitude": "1.000000E+01",
    "[SOURce#:]TRACK": "OFF",
    "[SOURce#:]VOLTage:RANGe:AUTO": "ON",
    "OUTPut#:MODE": "NORMAL",
    "OUTPut#:GATe:POLarity": "POSITIVE",
    "OUTPut#:SYNC:POLarity": "POS",
}
"""Settings of each channel."""

MODES = (
    "[SOURce#:]MOD[:STATe]",
    "[SOURce#:]SWEep:STATe",
    "[SOURce#:]SUM[:STATe]",
    "[SOURce#:]HARMonic[:STATe]",
)
"""States of modes that exclude a burst."""

OF_GENERATOR = {"COUPling[:STATe]": "FREQ:OFF,PHASE:OFF,AMPL:OFF", "SYSTem:BEEPer:STATe": "ON"}
"""Settings of the whole generator."""
