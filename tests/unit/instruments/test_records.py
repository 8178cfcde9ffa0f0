"""Records of instruments in use: what they hold, and that nobody can be led to write elsewhere."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from unit.instruments.in_use import record, use

from labrig.assembly import assemble, packaged_configs
from labrig.errors import StorageError
from labrig.instruments import records
from labrig.instruments.drivers import installed_drivers
from labrig.instruments.records import Record
from labrig.instruments.rescue import prepared
from labrig.instruments.reservation import record_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return use(tmp_path / "in use", monkeypatch)


def keyed(name: str = "gen", key: str = "siglent.sdg one", **more: object) -> Record:
    return replace(record(name=name), key=key, **more)


def test_written_found_and_removed() -> None:
    written = keyed()
    records.write(written)
    assert records.find(written.key) == written
    assert records.find("another") is None
    records.remove(written)
    assert records.read_all() == ([], [])


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_records_can_be_read_by_all_and_written_by_none_whatever_the_umask(folder, umask: int) -> None:
    before = os.umask(umask)
    try:
        records.write(keyed())
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}


def test_a_link_in_the_place_of_a_record_is_replaced_not_followed(folder, tmp_path) -> None:
    records.write(keyed())
    (path,) = folder.iterdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.unlink()
    path.symlink_to(victim)
    assert records.read_all()[0] == []
    records.write(keyed())
    assert victim.read_text() == "precious"
    assert records.find(keyed().key) is not None


def test_a_link_in_the_place_of_the_folder_is_refused(folder, tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="not a folder"):
        records.write(keyed())
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 1}', "\x00" * 100, "{" * 70000])
def test_a_damaged_record_is_named_and_does_not_hide_the_others(folder, text: str) -> None:
    records.write(keyed())
    (folder / "odd.0.json").write_text(text)
    found, problems = records.read_all()
    assert [each.name for each in found] == ["gen"]
    assert len(problems) == 1
    assert "odd.0.json cannot be read" in problems[0]


def test_a_fifo_as_a_record_does_not_hang(folder) -> None:
    records.write(keyed())
    os.mkfifo(folder / "fifo.0.json")
    found, problems = records.read_all()
    assert [each.name for each in found] == ["gen"]
    assert "fifo.0.json" in problems[0]


def test_of_two_users_records_the_newer_one_counts(folder) -> None:
    records.write(keyed(opened_ns=2))
    (path,) = folder.iterdir()
    foreign = path.with_name(path.name.replace(f".{os.getuid()}.", ".4711."))
    foreign.write_text(json.dumps(keyed(name="older", opened_ns=1).to_json()))
    assert [each.name for each in records.read_all()[0]] == ["gen"]
    foreign.write_text(json.dumps(keyed(name="newer", opened_ns=3).to_json()))
    assert [each.name for each in records.read_all()[0]] == ["newer"]


def test_what_cannot_be_deleted_is_marked_as_made_safe(monkeypatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    records.write(keyed())
    monkeypatch.setattr(Path, "unlink", refuse)
    records.remove(keyed())
    assert records.read_all() == ([], [])


@pytest.mark.parametrize("config", ["iris_wire", "xor_wire"])
def test_every_real_driver_can_be_built_from_its_record_alone(config: str) -> None:
    assembly = assemble(packaged_configs() / f"{config}.yaml")
    drivers = installed_drivers()
    for name, device in assembly.devices.items():
        options = assembly.routed(name)
        written = record_of(name, device.driver, options)
        again = Record(**json.loads(json.dumps(written.to_json())))
        built = prepared(again)
        assert type(built) is type(drivers[device.driver.name].factory(name, options))
        assert built._options == options


def test_modules_to_import_beforehand_exist() -> None:
    for driver in installed_drivers().values():
        for module in driver.imports:
            import_module(module)
