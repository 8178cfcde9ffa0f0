"""Options of a Keysight Trueform generator and the capabilities of its models."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.instruments.data import plain_model
from labrig.instruments.drivers import SourceCapabilities
from labrig_drivers.visa_generator import GeneratorOptions, generator_capabilities

LEAST_VPP = 2e-3
"""Smallest amplitude at the open output (V peak to peak); half of this into 50 Ω."""

MODELS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("33509B", "33511B", "33519B", "33521A", "33521B"), (1, 16)),
    **dict.fromkeys(("33510B", "33512B", "33520B", "33522A", "33522B"), (2, 16)),
    **dict.fromkeys(("33611A", "33621A"), (1, 14)),
    **dict.fromkeys(("33612A", "33622A"), (2, 14)),
}
"""Channels and bits of each model. Sources: data sheets 5992-2572EN (33500B) and 5991-3272EN (33600A)."""

WITHOUT_TABLES = ("33509B", "33510B", "33519B", "33520B")
"""Models that play no arbitrary waveforms unless an option is installed."""


class TrueformOptions(GeneratorOptions):
    """Options of `keysight.trueform`. A manual trigger starts both channels at once."""


def channels_of(model: str | None) -> tuple[str, ...]:
    """Channels of a model; two if it is not known."""
    count, _ = MODELS.get(plain_model(model or ""), (2, 16))
    return tuple(str(number) for number in range(1, count + 1))


def capabilities(options: TrueformOptions) -> SourceCapabilities:
    """Capabilities of the generator, with the channels and the resolution of the model."""
    model = plain_model(options.model or "")
    _, bits = MODELS.get(model, (2, 16))
    return generator_capabilities(
        options,
        channels_of(options.model),
        bits,
        LEAST_VPP / 2,
        1 if model in WITHOUT_TABLES else 64,
        f"a {model} plays arbitrary waveforms only with an option; use another source for the pilot",
    )
