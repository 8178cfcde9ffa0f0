"""Cases in which a rig of real instruments cannot promise to be made safe when a run ends."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.assembly import Assembly
from labrig.quantities import format_quantity


@dataclass(frozen=True)
class NotPromised:
    """One case in which safety cannot be promised.

    Parameters
    ----------
    instrument : str
        The instrument; "" for the rig as a whole.
    text : str
        The case, as a sentence whose subject is the instrument.
    """

    instrument: str
    text: str


def not_promised(assembly: Assembly) -> list[NotPromised]:
    """Return the cases in which a configuration cannot promise safety; empty unless its bench is hardware.

    In all other cases the sources are switched off and the programmers made safe within 1 s of the end of a run: by the
    run itself, or by its watchdog if the run was killed or hangs.
    """
    if assembly.header.bench != "hardware":
        return []
    found = [
        NotPromised(
            "",
            "if the computer loses power or stops, or the watchdog process is killed together with the run, "
            "instruments without their own watchdog stay as they are until `labrig safe` is run",
        )
    ]
    hookup = assembly.board.hookup
    for name, device in assembly.devices.items():
        found += [NotPromised(name, text) for text in device.capabilities.not_promised]
        if device.driver.kind != "digitizer" and not hasattr(device.driver.factory, "rescue"):
            text = (
                "has a driver without `rescue`: after a killed run it is made safe only once its driver has opened it"
            )
            found.append(NotPromised(name, text))
        for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot):
            if wire.device == name and wire.safe_v is not None:
                level = format_quantity(wire.safe_v, "voltage")
                found.append(NotPromised(name, f"holds {wire.channel} at {level} instead of switching it off"))
    return found
