"""A calibration record: a JSON header and an NPZ with the arrays, protected by hashes, valid until a date."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError, StorageError
from labrig.files import content_of
from labrig.instruments.data import Identity, LevelTable
from labrig.json_text import json_text

Array = NDArray[np.float64]

FORMAT = 1
AGAIN = "repeat the calibration with labrig calibrate CONFIG"


@dataclass(frozen=True, eq=False)
class DigitizerCalibration:
    """The inputs of a digitizer, C channels.

    Attributes
    ----------
    gain, offset_v : (C,) arrays
        A channel reads gain · v + offset_v (V) for a constant voltage v.
    u_gain, u_offset_v : (C,) arrays
        Their standard uncertainties.
    delay_s, u_delay_s : (C,) arrays
        Delay of the samples beyond the delay that the digitizer states, relative to the pilot's channel, and its
        standard uncertainty (s).
    frequencies_hz : (F,) array
        Frequencies at which the response was measured (Hz).
    response : (F, C) complex array
        Response to a tone, relative to gain and delay; 1 is perfect.
    u_response : (F, C) array
        Standard uncertainty of the response.
    noise_density : (C,) array
        Noise of each shorted input in the band of `frequencies_hz` (V/√Hz); NaN for the pilot's input.
    """

    gain: Array
    u_gain: Array
    offset_v: Array
    u_offset_v: Array
    delay_s: Array
    u_delay_s: Array
    frequencies_hz: Array
    response: NDArray[np.complex128]
    u_response: Array
    noise_density: Array

    def response_at(self, frequencies_hz: Array) -> NDArray[np.complex128]:
        """Return the (K, C) response at other frequencies (K,) by linear interpolation; constant beyond the ends."""
        return self._between(frequencies_hz, self.response.real) + 1j * self._between(
            frequencies_hz, self.response.imag
        )

    def u_response_at(self, frequencies_hz: Array) -> Array:
        """Return the (K, C) standard uncertainty of the response at other frequencies (K,)."""
        return self._between(frequencies_hz, self.u_response)

    def _between(self, frequencies_hz: Array, values: Array) -> Array:
        return np.column_stack([np.interp(frequencies_hz, self.frequencies_hz, column) for column in values.T])


@dataclass(frozen=True, eq=False)
class SourceCalibration:
    """The outputs of all sources, S channels.

    Attributes
    ----------
    gain, tone_gain : (S,) arrays
        A channel plays gain · v + offset_v (V) for a constant voltage v, and tone_gain times the amplitude of a tone.
    offset_v : (S,) array
        Offset (V); NaN if it was not measured.
    delay_s : (S,) array
        Delay of the tones of each channel relative to the pilot's (s).
    u_gain, u_tone_gain, u_offset_v, u_delay_s : (S,) arrays
        Standard uncertainties.
    crosstalk : (2, S, C) complex array
        Coefficients κ₀ and κ₁ (1/Hz): the fraction κ₀ + κ₁ f of a tone of frequency f couples directly into each input.
    u_crosstalk : (S, C) array
        Standard uncertainty of this fraction.
    """

    gain: Array
    u_gain: Array
    tone_gain: Array
    u_tone_gain: Array
    offset_v: Array
    u_offset_v: Array
    delay_s: Array
    u_delay_s: Array
    crosstalk: NDArray[np.complex128]
    u_crosstalk: Array


@dataclass(frozen=True)
class CalibrationRecord:
    """A calibration of the instruments of one bench.

    Attributes
    ----------
    created, valid_until : str
        Times in ISO format, UTC.
    digitizer : str
        Name of the digitizer.
    inputs, outputs : tuple of str
        Labels of the channels of the digitizer and of the sources ("awg/0"), in the order of the arrays.
    pilot : str
        Label of the pilot's source channel.
    identities : mapping
        Identity of every instrument, by its name in the configuration.
    conditions : mapping
        Conditions of the measurement: bench, sample rate, range, temperature, standards.
    findings : tuple of str
        Problems of channels, such as a stuck part.
    unusable : mapping
        Defect of each programmer channel ("pots/3") that cannot be used.
    of_inputs, of_outputs
        The calibration of inputs and outputs.
    levels : mapping
        Measured levels of programmer channels, by label.
    sha256 : str
        Hash of header and arrays; empty until the record is stored.
    """

    created: str
    valid_until: str
    digitizer: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pilot: str
    identities: Mapping[str, Identity]
    conditions: Mapping[str, Any]
    of_inputs: DigitizerCalibration
    of_outputs: SourceCalibration
    levels: Mapping[str, LevelTable] = field(default_factory=dict[str, LevelTable])
    findings: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict[str, str])
    sha256: str = ""

    def check_identity(self, name: str, found: Identity) -> None:
        """Raise ConfigError if `name` is not the instrument that was calibrated."""
        known = self.identities.get(name)
        if known is None or not known.differing(found):
            return
        raise ConfigError(
            f"is {found.model} {found.serial}, but the calibration record belongs to {known.model} {known.serial}",
            device=name,
            action="identify",
            remedy=f"connect that instrument, name the record of {name} (calibration.record), or {AGAIN}",
        )

    def reach_v(self, label: str, full_scale_v: float) -> float:
        """Return the largest voltage (V) to request from a source channel, given its measured gain and offset."""
        if label not in self.outputs:
            return full_scale_v
        k, of = self.outputs.index(label), self.of_outputs
        low = min(1.0, float(of.gain[k]), float(of.tone_gain[k]))
        return full_scale_v * low - abs(float(np.nan_to_num(of.offset_v[k])))

    def expired(self, now: datetime) -> bool:
        """Return whether the record is no longer valid at the time `now`."""
        return now >= datetime.fromisoformat(self.valid_until)


def require_writable(path: Path) -> None:
    """Raise StorageError if no record can be written at `path`, before hours are spent on a calibration."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}", remedy="name a file in another folder with --out"
        ) from error


def write_record(path: Path, record: CalibrationRecord) -> str:
    """Write the header at `path` (.json) and the arrays next to it (.npz); return the hash of both."""
    arrays = {
        **{f"inputs/{each.name}": getattr(record.of_inputs, each.name) for each in fields(record.of_inputs)},
        **{f"outputs/{each.name}": getattr(record.of_outputs, each.name) for each in fields(record.of_outputs)},
        **{f"levels/{label}/codes": table.codes for label, table in record.levels.items()},
        **{f"levels/{label}/siemens": table.siemens for label, table in record.levels.items()},
    }
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    header = {
        "format": FORMAT,
        **{
            key: getattr(record, key)
            for key in ("created", "valid_until", "digitizer", "inputs", "outputs", "pilot", "conditions")
        },
        "identities": {name: asdict(each) for name, each in record.identities.items()},
        "levels": {label: table.tolerance for label, table in record.levels.items()},
        "findings": record.findings,
        "unusable": record.unusable,
        "arrays": {"file": path.with_suffix(".npz").name, "sha256": hashlib.sha256(content.getvalue()).hexdigest()},
    }
    header = json.loads(json_text(header))
    header["sha256"] = _hash_of(header)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".npz").write_bytes(content.getvalue())
        path.write_text(json_text(header, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return header["sha256"]


def read_record(path: Path) -> CalibrationRecord:
    """Read a record; raises ConfigError if it is unreadable, not a record, or was changed after it was written."""
    try:
        header: dict[str, Any] = json.loads(content_of(path))
        if header["format"] != FORMAT:
            raise ConfigError(
                f"{path} has format {header['format']}, but this labrig reads format {FORMAT}", remedy=AGAIN
            )
        if header["sha256"] != _hash_of(header):
            raise ConfigError(f"{path} was changed after it was written", remedy=f"restore it, or {AGAIN}")
        file = path.with_name(header["arrays"]["file"])
        content = content_of(file)
        if hashlib.sha256(content).hexdigest() != header["arrays"]["sha256"]:
            raise ConfigError(
                f"{file} does not belong to {path.name}, or was changed", remedy=f"restore it, or {AGAIN}"
            )
        return _record(header, dict(np.load(io.BytesIO(content), allow_pickle=False)))
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}", remedy=AGAIN) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path} is not a calibration record", remedy=AGAIN) from error


def _record(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> CalibrationRecord:
    def of(kind: type[Any], prefix: str) -> Any:
        return kind(**{each.name: arrays[f"{prefix}/{each.name}"] for each in fields(kind)})

    return CalibrationRecord(
        **{key: header[key] for key in ("created", "valid_until", "digitizer", "pilot", "conditions", "unusable")},
        inputs=tuple(header["inputs"]),
        outputs=tuple(header["outputs"]),
        identities={name: Identity(**each) for name, each in header["identities"].items()},
        of_inputs=of(DigitizerCalibration, "inputs"),
        of_outputs=of(SourceCalibration, "outputs"),
        levels={
            label: LevelTable(arrays[f"levels/{label}/codes"], arrays[f"levels/{label}/siemens"], tolerance)
            for label, tolerance in header["levels"].items()
        },
        findings=tuple(header["findings"]),
        sha256=header["sha256"],
    )


def _hash_of(header: Mapping[str, Any]) -> str:
    """Return the hash of a header; the header contains the hash of the arrays."""
    content = {key: value for key, value in header.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def utc_text(time: datetime) -> str:
    """Return a time in ISO format, UTC, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds")
