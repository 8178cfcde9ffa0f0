"""A rule with its options in one word: `equilibrium_propagation/nudge=one_sided`."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.errors import UsageError


@dataclass(frozen=True)
class NamedRule:
    """A rule as it is named on the command line.

    Parameters
    ----------
    text : str
        NAME or NAME/KEY=VALUE/…; NAME may be a dotted path.
    """

    text: str

    @property
    def overrides(self) -> tuple[str, ...]:
        """What sets this rule in a configuration.

        Raises
        ------
        UsageError
            If an option has no value.
        """
        name, *options = self.text.split("/")
        for option in options:
            if not option.partition("=")[2]:
                raise UsageError(f"{self.text}: {option!r} is no option", remedy="write NAME/KEY=VALUE")
        return (f"learning.rule={name}", *(f"learning.{option}" for option in options))
