"""Addresses: what is refused, in which words, and which spellings are one."""

from __future__ import annotations

import pytest
from pyvisa.rname import InvalidResourceName, ResourceName

from labrig.instruments.addresses import canonical, check_serial, check_visa, is_loopback, parse_host_port


@pytest.mark.parametrize(
    "text",
    [
        "TCPIP::192.0.2.20::INSTR", "TCPIP0::lab-awg.local::inst0::INSTR", "TCPIP::192.0.2.20", "tcpip::h::1::SOCKET",
        "USB0::0xF4EC::0xEE38::SDG2XCAX1R1234::INSTR", "USB::1::2::S::1",
        "GPIB0::10::INSTR", "TCPIP::gw::gpib0,5::INSTR", "ASRL3::INSTR",
        "TCPIP::127.0.0.1,42459::inst0::INSTR",
    ],
)  # fmt: skip
def test_good_visa_names(text: str) -> None:
    check_visa(text)
    if "," not in text:  # pyvisa-py's own
        ResourceName.from_string(text)


def test_a_usb_name_without_a_serial_number_is_none_for_pyvisa() -> None:
    with pytest.raises(InvalidResourceName):
        ResourceName.from_string("USB0::0xF4EC::0x1103::INSTR")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("192.0.2.20", "is not a VISA resource name"),
        ("TCPIP::192.0.2.20::SOCKET", "has no port, but a raw socket needs one, e.g. TCPIP::192.0.2.20::5025::SOCKET"),
        ("TCPIP::192.0.2.20::0::SOCKET", "port 0 in"),
        ("TCPIP::192.0.2.20::99999::SOCKET", "a number from 1 to 65535"),
        ("TCPIP::192.0.2.20::scpi::SOCKET", "'scpi' in"),
        ("TCPIP::192.0.2.20::5025", "write TCPIP::192.0.2.20::5025::SOCKET or TCPIP::192.0.2.20::INSTR"),
        ("TCPIP::192.0.2.20::5025::INSTR", "an address with a port must end in ::SOCKET"),
        ("TCPIP::192.0.2.300::INSTR", "'192.0.2.300' in 'TCPIP::192.0.2.300::INSTR' is not an IP address"),
        ("TCPIP::192.0.2::INSTR", "is not an IP address"),
        ("TCPIP::192.0.2.20,99999::INSTR", "port 99999 in"),
        ("TCPIP::my awg::INSTR", "is not a host name"),
        ("TCPIP::::INSTR", "empty part"),
        ("USB0::0xF4EC::0x1103::INSTR", "has no serial number; write USB0::0xF4EC::0x1103::<serial number>::INSTR"),
        ("USB::0xF4EC::INSTR", "write USB0::0xF4EC::<product>::<serial number>::INSTR"),
        ("USB0::SIGLENT::SDG1032X::S1::INSTR", "'SIGLENT' in "),
        ("USB0::1::2::S1::x::INSTR", "has too many parts"),
        ("TCPIP::h::1::socket", "write SOCKET in capitals"),
        ("TCPIP:: 192.0.2.20::INSTR", "or a space"),
        ("TCPIP::192.0.2.20::inst0::INSTRUMENT", "ends with 'INSTRUMENT'"),
    ],
)
def test_bad_visa_names(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        check_visa(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("localhost", "has no port"),
        ("localhost:", "'' in 'localhost:' is not a port"),
        (":31763", "has no host"),
        ("localhost:99999", "port 99999 in"),
        ("localhost:\u0663", "is not a port"),
        ("http://192.0.2.30:31763", "is a web address; write host:port"),
        ("grpc://192.0.2.30:31763/Dev1", "write 'grpc://192.0.2.30:31763/Dev1' as host:port, '192.0.2.30:31763'"),
        ("::1:31763", "has no port"),
    ],
)
def test_bad_servers(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        parse_host_port(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["/dev/ttyUSB0", "COM4", "socket://127.0.0.1:4000", "rfc2217://[::1]:7000"])
def test_good_serial_ports(text: str) -> None:
    check_serial(text)


@pytest.mark.parametrize("text", ["", "COM 4", "http://h:1", "socket://h", "socket://h:99999", "socket://h:x"])
def test_bad_serial_ports(text: str) -> None:
    with pytest.raises(ValueError, match="port"):
        check_serial(text)


@pytest.mark.parametrize(
    "spellings",
    [
        ("TCPIP::10.0.0.5::INSTR", "TCPIP0::10.0.0.5::inst0::INSTR", "tcpip::10.0.0.5"),
        ("GPIB::10::INSTR", "GPIB0::10", "gpib0::10::instr"),
        (
            "USB::0xF4EC::0xEE38::SDG2X::INSTR",
            "USB0::62700::60984::SDG2X::INSTR",
            "USB0::62700::0xee38::SDG2X::0::INSTR",
        ),
        ("localhost:31763/Dev1", "127.0.0.1:31763/dev1", "[::1]:31763/Dev1", "grpc://127.0.0.1:31763/Dev1"),
        ("COM4", "com4", r"\\.\COM4", "//./COM4"),
        ("Dev1", "dev1"),
    ],
)
def test_spellings_of_one_address(spellings: tuple[str, ...]) -> None:
    assert len(set(map(canonical, spellings))) == 1
    assert len({canonical(each, look_up=False) for each in spellings}) == 1


def test_names_of_hosts_are_looked_up_on_request_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("socket.gethostbyname", lambda name: asked.append(name) or "192.0.2.7")
    assert canonical("Lab-PC:31763/Dev1", look_up=False) == "lab-pc:31763/dev1"
    assert asked == []
    assert canonical("Lab-PC:31763/Dev1") == "192.0.2.7:31763/dev1"


def test_different_addresses_stay_different() -> None:
    addresses = [
        "TCPIP::10.0.0.5",
        "TCPIP::10.0.0.6",
        "TCPIP::10.0.0.5::5025::SOCKET",
        "USB0::1::2::S::INSTR",
        "USB0::1::2::S::1::INSTR",
        "GPIB::1",
        "GPIB::2",
        "a:1",
        "a:2",
    ]
    assert len(set(map(canonical, addresses))) == len(addresses)


def test_a_link_and_its_port_are_one(tmp_path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "usb-board7").symlink_to(tmp_path / "ttyUSB0")
    assert canonical(str(tmp_path / "usb-board7")) == canonical(str(tmp_path / "ttyUSB0"))


def test_loopback() -> None:
    assert all(
        is_loopback(canonical(a)) for a in ("TCPIP::localhost::1::SOCKET", "127.0.0.1:9/Dev1", "socket://localhost:9")
    )
    assert not any(
        is_loopback(canonical(a)) for a in ("TCPIP::10.0.0.5::INSTR", "Dev1", "/dev/ttyUSB0", "10.127.0.1:9")
    )
