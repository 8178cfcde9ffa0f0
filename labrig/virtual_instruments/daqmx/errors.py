"""Errors of the DAQmx server, with NI's codes and wording."""

from __future__ import annotations

from nidaqmx.error_codes import DAQmxErrors as Code

WORDING: dict[int, str] = {
    Code.PAL_RESOURCE_RESERVED: (
        "The specified resource is reserved. The operation could not be completed as specified."
    ),
    Code.PAL_MEMORY_FULL: "The requested memory could not be allocated.",
    Code.INVALID_ATTRIBUTE_VALUE: (
        "Requested value is not a supported value for this property. The property value may be invalid because it "
        "conflicts with another property."
    ),
    Code.MIN_NOT_LESS_THAN_MAX: "Minimum is greater than or equal to the maximum.",
    Code.INVALID_TASK: "Task specified is invalid or does not exist.",
    Code.DUPLICATE_TASK: "Task name is already in use by an existing task.",
    Code.PHYSICAL_CHAN_DOES_NOT_EXIST: "Physical channel specified does not exist on this device.",
    Code.PHYSICAL_CHANNEL_NOT_SPECIFIED: "You must specify a physical channel.",
    Code.ATTR_NOT_SUPPORTED: "Specified property is not supported by the device or is not applicable to the task.",
    Code.DEV_CANNOT_BE_ACCESSED: (
        "Device cannot be accessed. Possible causes: it is no longer present in the system, or it is not powered."
    ),
    Code.INVALID_DEVICE_ID: "Device identifier is invalid.",
    Code.SAMPLES_NO_LONGER_AVAILABLE: (
        "The application is not able to keep up with the hardware acquisition.\n\nIncreasing the buffer size, reading "
        "the data more frequently, or specifying a fixed number of samples to read instead of reading all available "
        "samples might correct the problem."
    ),
    Code.SAMPLES_WILL_NEVER_BE_AVAILABLE: (
        "Requested samples will never be available: the task acquires a finite number of samples, and all of them have "
        "been read."
    ),
    Code.SAMPLES_NOT_YET_AVAILABLE: (
        "Some or all of the samples requested have not yet been acquired.\n\nTo wait for the samples to become "
        "available use a longer read timeout or read later in your program."
    ),
    Code.SAMPLES_CAN_NOT_YET_BE_WRITTEN: "Some or all of the samples to write could not be written to the buffer yet.",
    Code.RUNTIME_ABORTED_ROUTING: (
        "The specified operation did not complete, because the task was stopped or aborted meanwhile."
    ),
    Code.OUTPUT_BUFFER_EMPTY: "Generation cannot be started because the output buffer is empty.",
    Code.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING: "Specified operation cannot be performed while the task is running.",
    Code.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK: (
        "Specified operation cannot be performed when there are no channels in the task."
    ),
    Code.WRITE_NUM_CHANS_MISMATCH: (
        "Write cannot be performed, because the number of channels in the data does not match the number of channels "
        "in the task."
    ),
    Code.WAIT_UNTIL_DONE_DOES_NOT_INDICATE_DONE: (
        "Wait Until Done did not indicate that the task was done within the specified timeout."
    ),
    Code.INVALID_AO_DATA_WRITE: "Attempted writing analog data that is too large or too small.",
    Code.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING: (
        "Write cannot be performed when the auto start input to DAQmx Write is false, task is not running, and timing "
        "for the task is not configured or Timing Type is set to On Demand."
    ),
    Code.CANNOT_GET_PROPERTY_WHEN_TASK_NOT_RESERVED_COMMITTED_OR_RUNNING: (
        "You cannot get the specified property while the task is not reserved, committed or while the task is not "
        "running. Reserve, commit or start the task prior to getting the property."
    ),
    Code.GEN_STOPPED_TO_PREVENT_REGEN_OF_OLD_SAMPLES: (
        "The generation has stopped to prevent the regeneration of old samples. Your application was unable to write "
        "samples to the background buffer fast enough to prevent old samples from being regenerated."
    ),
    Code.REF_CLK_RATE_REF_CLK_SRC_MISMATCH: "Specified Reference Clock Rate does not match the Reference Clock Source.",
    Code.REF_CLK_SRC_NOT_SUPPORTED: "Reference Clock Source is not supported by the device.",
    Code.READ_DATA_TYPE_TOO_SMALL: "Specified read data type is too small for the samples of the task.",
    Code.ROUTE_NOT_SUPPORTED_BY_HW_ROUTING: (
        "Specified route cannot be satisfied, because the hardware does not support it."
    ),
    Code.INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING: "Source terminal to be routed could not be found on the device.",
    Code.INVALID_ROUTING_DESTINATION_TERMINAL_NAME_ROUTING: (
        "Destination terminal to be routed could not be found on the device."
    ),
}


class DaqmxFailure(Exception):
    """A reply with an error code.

    Parameters
    ----------
    code
        DAQmx error code.
    details
        Appended to NI's wording.
    reason
        Replaces NI's wording if the virtual board cannot do what a real one can.
    samples_read
        Samples read per channel, for reads.
    """

    def __init__(self, code: int, details: str = "", *, reason: str = "", samples_read: int | None = None) -> None:
        self.code = int(code)
        first = f"{reason}\n\nStatus Code: {self.code}" if reason else wording(self.code)
        self.text = "\n\n".join(part for part in (first, details) if part)
        self.samples_read = samples_read
        super().__init__(self.text)


def no_terminal(name: str, is_destination: bool = False) -> DaqmxFailure:
    """The failure for a terminal that no device has: the source, or the destination, of a signal."""
    if is_destination:
        code = Code.INVALID_ROUTING_DESTINATION_TERMINAL_NAME_ROUTING
        return DaqmxFailure(code, f"Destination Terminal: {name}")
    return DaqmxFailure(Code.INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING, f"Source Terminal: {name}")


def wording(code: int) -> str:
    """NI's text for an error code."""
    return f"{WORDING[code]}\n\nStatus Code: {code}" if code in WORDING else f"Status Code: {code}"
