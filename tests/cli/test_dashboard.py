"""dashboard: who may ask, what is answered, and a run that is followed while it goes on, is killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from busy import stretched
from dashboards import Dashboard, served
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

import labrig
from labrig.cli.main import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        labrig.train(
            "xor.yaml", run_dir=folder / f"seed{seed}", seed=seed, plots=False, settings={"learning.epochs": 2}
        )
    return folder


@pytest.fixture(scope="module")
def dashboard(runs: Path) -> Iterator[Dashboard]:
    with served(runs) as running:
        yield running


PAGES = ("/", "/run/seed0", "/compare?a=seed0&b=seed1", "/api/runs", "/report/seed0", "/static/run.js")
WRONG = {
    "wrong token": ({"Cookie": "labrig_dashboard_{port}=wrong"}, 401),
    "no token": ({"Cookie": ""}, 401),
    "foreign host": ({"Host": "evil.example"}, 400),
    "foreign host, right token": ({"Host": "evil.example:{port}"}, 400),
    "foreign origin": ({"Origin": "http://evil.example"}, 403),
    "origin without a page": ({"Origin": "null"}, 403),
    "origin at another port": ({"Origin": "http://127.0.0.1:1"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), WRONG.values(), ids=WRONG)
def test_who_may_not_ask(dashboard: Dashboard, headers: dict[str, str], status: int) -> None:
    given = {name: value.format(port=dashboard.port) for name, value in headers.items()}
    for path in PAGES:
        assert dashboard.get(path, given)[0] == status, path
    with pytest.raises(InvalidStatus) as refused, dashboard.live("seed0", given):
        pass
    assert refused.value.response.status_code == status


def test_a_socket_needs_an_origin(dashboard: Dashboard) -> None:
    with pytest.raises(InvalidStatus) as refused, dashboard.live("seed0", {"Origin": ""}):
        pass
    assert refused.value.response.status_code == 403


def test_the_token_moves_from_the_address_to_a_cookie(dashboard: Dashboard) -> None:
    status, headers, _ = dashboard.get(f"/run/seed0?token={dashboard.token}&x=1", {"Cookie": ""})
    assert (status, headers["location"]) == (303, "/run/seed0?x=1")
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert dashboard.get("/?token=wrong")[0] == 401


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=pytest.mark.more) if "report" in path else path for path in PAGES]
)
def test_every_answer_keeps_other_sites_out(dashboard: Dashboard, path: str) -> None:
    status, headers, _ = dashboard.get(path)
    assert status == 200
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'" if path.startswith("/report") else "default-src 'self'")
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_pages_have_no_script_and_no_style_in_them_that_the_policy_forbids(dashboard: Dashboard) -> None:
    for path in PAGES[:3]:
        text = dashboard.get(path)[2]
        assert "<style" not in text
        assert "style=" not in text
        assert " on" not in text.replace(" one", "")
        assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')


@pytest.mark.parametrize("name", ["nothing", "..%2fseed0", "%2e%2e", "seed0%00"])
def test_what_is_not_a_run_is_not_found(dashboard: Dashboard, name: str) -> None:
    assert dashboard.get(f"/report/{name}")[0] == 404
    assert dashboard.get(f"/api/compare?a=seed0&b={name}")[0] == 404
    assert dashboard.get(f"/run/{name}")[0] == 404
    with pytest.raises(InvalidStatus) as refused, dashboard.live(name):
        pass
    assert refused.value.response.status_code in (403, 404)  # 403 for an address that the dashboard does not have


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"])
def test_only_static_files_are_served(dashboard: Dashboard, path: str) -> None:
    assert dashboard.get(path)[0] == 404


def test_the_list_and_a_comparison(dashboard: Dashboard) -> None:
    found = json.loads(dashboard.get("/api/runs")[2])
    assert [(run["run"], run["state_text"], run["steps"]) for run in found["runs"]] == [
        ("seed1", "finished", 2),
        ("seed0", "finished", 2),
    ]
    compared = json.loads(dashboard.get("/api/compare?a=seed0&b=seed1")[2])
    assert compared["comparison"]["comparable"]
    assert compared["curves"]["seed1"]["series"]["step"] == [1, 2]


@pytest.mark.more
def test_the_report_of_a_run(dashboard: Dashboard, runs: Path) -> None:
    assert "Finished after 2 steps" in dashboard.get("/report/seed0")[2]
    assert not (runs / "seed0" / "report.html").exists()  # the dashboard only reads


class Listener:
    """Puts together what a socket says, as the page does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.known: dict[str, Any] = {"step": [], "evaluations": []}

    def until(self, state: str, steps: int) -> None:
        """Listen until the run is in this state with at least this many steps."""
        ends = time.monotonic() + stretched(60)
        while self.known.get("summary", {}).get("state") != state or len(self.known["step"]) < steps:
            news = json.loads(self.socket.recv(ends - time.monotonic()))
            self.known["step"] += news.pop("series")["step"]
            self.known["evaluations"] += news.pop("evaluations")
            self.known |= news


@pytest.mark.more
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_is_followed_to_its_end_though_it_is_killed_and_resumed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "labrig", "run", "iris.yaml", "--no-plots", "--run-dir", str(tmp_path / "run")]
    command += ["--set", "learning.epochs=12"]
    with (
        served(tmp_path) as dashboard,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as going,
    ):
        while not (tmp_path / "run" / "meta.json").exists():
            time.sleep(0.05)
        with dashboard.live("run") as page:
            listener = Listener(page)
            listener.until("running", 2)
            going.send_signal(signal.SIGKILL)
            going.wait()
            listener.until("killed", 2)
            assert len(listener.known["step"]) < 1080
            assert main(["resume", str(tmp_path / "run"), "--no-plots"]) == 0
            listener.until("finished", 1080)
        assert listener.known["step"] == list(range(1, 1081))
        assert len(listener.known["evaluations"]) == 3
        assert listener.known["problem"] == ""


@pytest.mark.more
def test_a_single_run_is_the_start_page(runs: Path) -> None:
    with served(runs / "seed1") as dashboard:
        status, headers, _ = dashboard.get("/")
        assert (status, headers["location"]) == (303, "/run/seed1")
        assert dashboard.get("/report/seed0")[0] == 404


@pytest.mark.more
@pytest.mark.skipif(sys.platform == "win32", reason="a shell script as browser")
def test_a_browser_beside_a_run(tmp_path: Path) -> None:
    """A browser that never returns: the dashboard answers all the same, and ends with the run."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part\nmv {opened}.part {opened}\nexec sleep 20 >&- 2>&-\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "labrig", "run", "xor.yaml", "--no-plots", "--dashboard"]
    command += ["--run-dir", str(tmp_path / "runs" / "xor"), "--set", "learning.epochs=100000"]
    with subprocess.Popen(
        command, env={**os.environ, "BROWSER": f"{browser} %s"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as going:
        try:
            wait_for(opened.exists)
            address = urlsplit(opened.read_text().strip())
            assert address.port is not None
            dashboard = Dashboard(going, address.port, parse_qs(address.query)["token"][0])
            wait_for((tmp_path / "runs" / "xor" / "run.db").exists)
            assert [run["run"] for run in json.loads(dashboard.get("/api/runs")[2])["runs"]] == ["xor"]
            with dashboard.live("xor") as page:
                Listener(page).until("running", 2)
                going.send_signal(signal.SIGINT)
                Listener(page).until("interrupted", 0)
            _, err = going.communicate(timeout=stretched(30))
        finally:
            going.kill()
    assert going.returncode == 130
    assert b"Traceback" not in err
    assert b"Ctrl-C ends it" not in err
    with pytest.raises(ConnectionRefusedError):
        dashboard.get("/")


def wait_for(ready: Callable[[], bool]) -> None:
    ends = time.monotonic() + stretched(30)
    while not ready():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_it_listens_on_loopback_only(dashboard: Dashboard) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", dashboard.port))  # would fail if the dashboard listened on every address


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", str(tmp_path / "nothing")]) == 6
    assert "there is no folder" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["dashboard", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 2
    assert "choose another --port" in capsys.readouterr().err
    assert main(["dashboard", str(tmp_path), "--port", "99999"]) == 2


def test_without_the_extra(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["dashboard", str(tmp_path)]) == 2
    assert "pip install 'labrig[dashboard]'" in capsys.readouterr().err
