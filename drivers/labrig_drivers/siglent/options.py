"""Options of a Siglent SDG generator and the capabilities of its models."""

from __future__ import annotations

from typing import Literal

from labrig.instruments.drivers import SourceCapabilities
from labrig_drivers.siglent.dialect import LEAST_VPP
from labrig_drivers.siglent.models import interface, model_of
from labrig_drivers.visa_generator import GeneratorOptions, generator_capabilities

CHANNELS = ("1", "2")
MODELS = (
    *("SDG1032X", "SDG1062X", "SDG2042X", "SDG2082X", "SDG2122X"),
    *("SDG6022X", "SDG6032X", "SDG6052X"),
)


class SdgOptions(GeneratorOptions):
    """Options of `siglent.sdg`. Programs of two or more tones are uploaded, which does not work over every interface.

    Attributes
    ----------
    burst
        `infinite`, or `counted` if an infinite burst does not start at the trigger: then a million cycles are played.
    """

    burst: Literal["infinite", "counted"] = "infinite"


def capabilities(options: SdgOptions) -> SourceCapabilities:
    """Capabilities of the generator: two channels, with the resolution and the upload interfaces of the model."""
    model = model_of(options.model)
    return generator_capabilities(
        options,
        CHANNELS,
        model.bits,
        LEAST_VPP / 2 if options.load == "high_z" else LEAST_VPP,
        64 if model.uploads(options.resource) else 1,
        f"several tones cannot be uploaded over {interface(options.resource)}; {model.upload_advice}",
    )
