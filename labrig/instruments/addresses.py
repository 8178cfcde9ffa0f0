"""Addresses of instruments: their validation, and their canonical form.

`canonical` maps all spellings of an address to one text. Examples of two spellings: `TCPIP::lab-awg::INSTR` and
`TCPIP0::192.0.2.20::inst0::INSTR`; `localhost:31763` and `127.0.0.1:31763`; `/dev/serial/by-id/usb-board7` and
`/dev/ttyUSB0`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import threading
from dataclasses import dataclass

LOOKUP_S = 2.0
"""Deadline for looking up a host name (s)."""

VISA_EXAMPLES = "TCPIP::<address>::INSTR, TCPIP::<address>::5025::SOCKET, or one listed by `labrig doctor`"
_DEVICE_PREFIX = re.compile(r"[\\/]{2}[.?][\\/]")
"""Prefix of a Windows device path: \\\\.\\COM10 and COM10 are the same port."""
_INTERFACE = re.compile(r"(TCPIP|USB|GPIB|VICP|PXI|VXI|ASRL)([0-9]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host (name or IP address) and a port."""

    host: str
    port: int


def check_port(text: str, what: str) -> int:
    """Return `text` as a TCP port. Raises ValueError, with a message for the user, if it is not a port.

    `what` is the whole address, for the message.
    """
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} in {what!r} is not a port; a port is a number from 1 to 65535")
    if not 1 <= int(text) <= 65535:
        raise ValueError(f"port {text} in {what!r} does not exist; a port is a number from 1 to 65535")
    return int(text)


def check_host(text: str, what: str) -> str:
    """Return `text`, a host name or IP address, without brackets. Raises ValueError, with a message for the user.

    `what` is the whole address, for the message.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not bare:
        raise ValueError(f"{what!r} has no host; write the instrument's name or IP address")
    if re.fullmatch(r"[0-9.]+", bare):
        try:
            ipaddress.IPv4Address(bare)
        except ValueError:
            message = f"{bare!r} in {what!r} is not an IP address; write four numbers from 0 to 255"
            raise ValueError(message) from None
    elif ":" in bare:
        try:
            ipaddress.IPv6Address(bare.partition("%")[0])
        except ValueError:
            raise ValueError(f"{bare!r} in {what!r} is neither a host nor an IP address; correct it") from None
    elif re.fullmatch(r"[A-Za-z0-9_.-]+", bare) is None:
        raise ValueError(f"{bare!r} in {what!r} is not a host name; use letters, digits, '-' and '.'")
    return bare


def parse_host_port(text: str) -> HostPort:
    """Parse 'host:port'. Raises ValueError, with a message and remedy for the user, for other text."""
    scheme, found, rest = text.partition("://")
    if found:
        plain = rest.partition("/")[0]
        if scheme.casefold() == "grpc" and ":" in plain:
            device = rest.partition("/")[2]
            also = f", and the device as resource: {device}" if device else ""
            raise ValueError(f"write {text!r} as host:port, {plain!r}{also}")
        raise ValueError(f"{text!r} is a web address; write host:port, e.g. '192.0.2.30:31763'")
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        raise ValueError(f"{text!r} has no port; write host:port, e.g. '192.0.2.30:31763'")
    return HostPort(check_host(host, text), check_port(port, text))


def check_serial(text: str) -> None:
    """Check a serial port, or a URL socket://host:port. Raises ValueError with a message for the user."""
    if not text or any(character.isspace() for character in text):
        raise ValueError(f"{text!r} is empty or contains a space; use /dev/serial/by-id/…, COM4 or socket://host:port")
    scheme, found, rest = text.partition("://")
    if not found:
        return
    if scheme.casefold() not in ("socket", "rfc2217"):
        raise ValueError(f"{text!r} is not a port; use /dev/serial/by-id/…, COM4 or socket://host:port")
    try:
        parse_host_port(rest)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a port: {error}") from None


def check_visa(text: str) -> None:
    """Check a VISA resource name. Raises ValueError with a message and remedy for the user."""
    first, *parts = text.split("::")
    match = _INTERFACE.fullmatch(first)
    if match is None or not parts:
        raise ValueError(f"{text!r} is not a VISA resource name; use e.g. {VISA_EXAMPLES}")
    if any(not part or part != part.strip() for part in parts):
        raise ValueError(f"{text!r} has an empty part between '::', or a space; use e.g. {VISA_EXAMPLES}")
    ending = parts[-1].upper()
    if ending in ("INSTR", "SOCKET", "RAW") and parts[-1] != ending:
        raise ValueError(f"{text!r} ends with {parts[-1]!r}, which PyVISA does not know; write {ending} in capitals")
    if match[1].upper() == "USB":
        _check_usb(parts, text)
    if match[1].upper() != "TCPIP":
        return
    host, *rest = parts
    host, comma, port = host.partition(",")  # pyvisa-py's syntax for the port of VXI-11
    check_host(host, text)
    if comma:
        check_port(port, text)
    kind = rest[-1].upper() if rest else "INSTR"
    if kind == "SOCKET":
        if len(rest) != 2:
            example = f"TCPIP::{host}::5025::SOCKET"
            raise ValueError(f"{text!r} has no port, but a raw socket needs one, e.g. {example}")
        check_port(rest[0], text)
        return
    device = rest[0] if rest and rest[0].upper() != "INSTR" else ""
    if device.isdigit():
        either = f"TCPIP::{host}::{device}::SOCKET or TCPIP::{host}::INSTR"
        raise ValueError(f"{text!r}: an address with a port must end in ::SOCKET (VXI-11 has no port); write {either}")
    if kind != "INSTR" and len(rest) != 1:
        raise ValueError(f"{text!r} ends with {rest[-1]!r}; end it with INSTR or SOCKET, e.g. {VISA_EXAMPLES}")


def _check_usb(parts: list[str], text: str) -> None:
    """Check the parts after USB; VISA requires the serial number. Raises ValueError with a message for the user."""
    ids = parts[:-1] if parts[-1].upper() in ("INSTR", "RAW") else parts
    for number in ids[:2]:
        if re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", number) is None:
            what = f"{number!r} in {text!r} is not a vendor or product number"
            raise ValueError(f"{what}; copy USB0::<vendor>::<product>::<serial>::INSTR from `labrig doctor`")
    if len(ids) < 3:
        example = "::".join(["USB0", *ids, *["<product>"][len(ids) - 1 :], "<serial number>", "INSTR"])
        raise ValueError(f"{text!r} has no serial number; write {example} (`labrig doctor` lists it)")
    if len(ids) > 4 or (len(ids) == 4 and not ids[3].isdigit()):
        raise ValueError(f"{text!r} has too many parts; use USB0::<vendor>::<product>::<serial>::INSTR")


def canonical(address: str, look_up: bool = True) -> str:
    """Return one text for all spellings of an address, as seen from this machine; `look_up` resolves host names."""
    number = numeric_host if look_up else _number
    address = address.strip()
    first, *parts = address.split("::")
    match = _INTERFACE.fullmatch(first)
    if match is not None and parts:
        kind = parts[-1].upper()
        kind, parts = (kind, parts[:-1]) if kind in ("INSTR", "SOCKET", "RAW") else ("INSTR", parts)
        if match[1].upper() == "TCPIP":
            device = parts[1:] or ["inst0"]
            host, comma, port = parts[0].partition(",")
            return "::".join(["TCPIP", f"{number(host)}{comma}{port}", *device, kind]).casefold()
        if match[1].upper() == "USB" and len(parts) == 4 and parts[3].strip("0") == "":
            parts = parts[:3]  # the number of the interface, 0 by default
        numbers = [str(int(part, 0)) if re.fullmatch(r"0[xX][0-9a-fA-F]+", part) else part for part in parts]
        return "::".join([f"{match[1]}{int(match[2] or 0)}", *numbers, kind]).casefold()
    if prefix := _DEVICE_PREFIX.match(address):
        address = address[prefix.end() :]
    plain, slash, device = address.partition("://")[2].partition("/") if "://" in address else address.partition("/")
    host, colon, port = plain.rpartition(":")
    if colon and port.isdigit() and host:
        return f"{number(host)}:{int(port)}{slash}{device}".casefold()
    if address.startswith(os.sep):
        return os.path.realpath(address)
    return address.casefold()


def is_loopback(address: str) -> bool:
    """Return whether a canonical address is on this machine, like that of a virtual instrument."""
    return re.search(r"(?:^|::)(?:127\.[0-9.]+|::1)(?=[:,]|$)", address) is not None


def host_of(resource: str) -> str | None:
    """Return the host of a TCPIP resource; None for another interface."""
    first, *parts = resource.strip().split("::")
    match = _INTERFACE.fullmatch(first)
    return parts[0].partition(",")[0] if match is not None and match[1].upper() == "TCPIP" and parts else None


def resolves(host: str) -> bool:
    """Whether a host is an IP address, or a name that can be looked up within LOOKUP_S."""
    try:
        ipaddress.ip_address(numeric_host(host))
    except ValueError:
        return False
    return True


def numeric_host(host: str) -> str:
    """Return the IP address of a host, or the name itself if it cannot be looked up within LOOKUP_S."""
    bare = host.strip("[]").casefold()
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        found: list[str] = []
        worker = threading.Thread(target=_look_up, args=(bare, found), daemon=True)
        worker.start()
        worker.join(LOOKUP_S)
        return _number(found[0]) if found else bare
    return _number(bare)


def _number(host: str) -> str:
    """Return one text for all spellings of an IP address, and a name in lower case; `localhost` becomes 127.0.0.1."""
    bare = host.strip("[]").casefold()
    try:
        number = str(ipaddress.ip_address(bare))
    except ValueError:
        return "127.0.0.1" if bare == "localhost" else bare
    return "127.0.0.1" if number == "::1" else number


def _look_up(host: str, found: list[str]) -> None:
    try:
        found.append(socket.gethostbyname(host))
    except OSError:
        return
