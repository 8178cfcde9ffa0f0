"""The chips that the firmware can be built for."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.wire import VERIFY_FAILED

EVERY_STATUS = set(range(8))


@dataclass(frozen=True)
class Built:
    """A build of the firmware.

    flash: the most bytes of a program.
    """

    name: str
    part: str
    highest: int
    rheostats: int
    flash: int
    reads_back: bool = True
    opens: bool = True

    @property
    def statuses(self) -> set[int]:
        """The statuses of replies that such a board sends."""
        return EVERY_STATUS if self.reads_back else EVERY_STATUS - {VERIFY_FAILED}

    @property
    def most_channels(self) -> int:
        return min(64, 128 // self.rheostats) * self.rheostats

    @property
    def banks(self) -> tuple[int, ...]:
        """Channels of some banks."""
        return (1, 4, self.most_channels // 2, self.most_channels - 1, self.most_channels)


MCP4251 = Built("mcp4251", "MCP4251-104", 256, 2, 3900)
AD5293 = Built("ad5293", "AD5293-100", 1023, 1, 4100)
AD5206 = Built("ad5206", "AD5206-100", 255, 6, 4000, reads_back=False, opens=False)
AD5220 = Built("ad5220", "AD5220-100", 127, 1, 4000, reads_back=False, opens=False)
MCP4651 = Built("mcp4651", "MCP4651-104", 256, 2, 4300)
BUILT = (MCP4251, AD5293, AD5206, AD5220, MCP4651)
OTHERS = BUILT[1:]
