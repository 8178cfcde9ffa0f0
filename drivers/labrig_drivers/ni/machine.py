"""The NI devices on this machine, for `labrig doctor`."""

from __future__ import annotations

from labrig.instruments.findings import Finding

WHAT = "NI-DAQmx"


def devices() -> list[Finding]:
    """One finding per device that the NI driver lists, or a finding that says why there are no devices."""
    try:
        from nidaqmx.errors import DaqError, DaqNotFoundError
        from nidaqmx.system import System
    except ImportError:
        return [Finding(WHAT, "missing", "nidaqmx is not installed", 'pip install "nidaqmx[grpc]"')]
    try:
        found = [f"{device.name}: {device.product_type}" for device in System.local().devices]
    except DaqNotFoundError:
        remedy = "install NI-DAQmx from ni.com, or name an NI gRPC device server (grpc: host:port)"
        return [Finding(WHAT, "missing", "the NI driver is not installed on this machine", remedy)]
    except DaqError as error:
        said = " ".join(str(error).split("\n\n")[0].split())
        return [Finding(WHAT, "warning", said, "open NI MAX, or restart the NI services")]
    if not found:
        return [Finding(WHAT, "missing", "no device", "check that NI MAX lists the card or the chassis")]
    return [Finding(WHAT, "ok", device) for device in found]
