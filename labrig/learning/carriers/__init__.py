"""Carriers of the error: one file each, found by the name in `learning.error.carrier`."""

from labrig.extensions import Extensions
from labrig.learning.carriers.carrier import Carrier

CARRIERS = Extensions(
    noun="carrier",
    package="labrig.learning.carriers",
    own={
        "shared_tone": "SharedTone",
        "tone_per_output": "TonePerOutput",
        "amplitude_modulation": "AmplitudeModulation",
        "chemical": "Chemical",
    },
    kind=Carrier,
)

__all__ = ["CARRIERS", "Carrier"]
