"""The page: what a visitor does in a browser, and that nothing is left afterwards."""

import csv
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from html import unescape
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import edfio
import numpy as np
import pytest
import yaml
from commands import ROOT
from recordings import SECRET, montage, write_edf
from recordings import signal as edf_signal

from psgvlm import app
from psgvlm.app import pictures
from psgvlm.app.session import ABANDONED_S, Session, Sessions
from psgvlm.commands.app import simulated_example
from psgvlm.errors import InputError
from psgvlm.stages import STAGES
from psgvlm.staging.hypnogram import COLOURS
from psgvlm.staging.stager import Stager

CORE = ("C4-M1", "E1-M2", "E2-M1", "chin")
# The browser sends nothing of its own and needs no graphics.
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
EPOCHS = 14
MAX_MB = 2


@pytest.fixture(scope="module")
def stager(adapter):
    return Stager(str(adapter), batch_size=4)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recording: seven minutes of noise, with personal data in its header."""
    path = tmp_path_factory.mktemp("own") / "a night & more.edf"
    return write_edf(path, montage(CORE, 30 * EPOCHS))


@pytest.fixture(scope="module")
def served(adapter, tmp_path_factory):
    """The served page: its address, the folder of its temporary files, and its log."""
    folder = tmp_path_factory.mktemp("served")
    temporary, log = folder / "tmp", folder / "log"
    temporary.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "psgvlm.app", "--model", adapter, "--port", port, "--max-mb", MAX_MB]
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, *map(str, words)],
            stdout=file, stderr=file, cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )  # fmt: skip
    try:
        wait(lambda: b"open http" in log.read_bytes() or server.poll() is not None, 120)
        (address,) = re.findall(r"open (http://\S+)", log.read_text()) or [log.read_text()]
        yield address, temporary, log
        # When the command is terminated, it deletes all its files.
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        assert not [*temporary.glob("psgvlm-page-*")]
    finally:
        server.kill()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    names = (os.environ.get("PSGVLM_BROWSER"), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    assert found, "no browser: install chromium, or set PSGVLM_BROWSER to one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, served):
    """The page in a visitor's browser.

    It requests nothing from any other address, and no error of a script or program occurs.
    """
    address, _, log = served
    logged = log.stat().st_size
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(error))
    page.goto(address)
    page.wait_for_selector("#status .status")
    yield page
    context.close()
    assert not faults
    assert {url for url in asked if not url.startswith((address, "data:"))} == set()
    assert b"Traceback" not in log.read_bytes()[logged:]


def wait(done, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def give(page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.set_input_files("#recording input[type=file]", file)


def status(page, kind: str) -> str:
    return page.locator(f"#status .status.{kind}").inner_text()


def test_a_visit(page, served, recording, stager):
    """A visitor uploads, stages, clicks, corrects and downloads; then nothing is left."""
    _, temporary, log = served
    give(page, recording.name, recording.read_bytes())
    page.wait_for_selector("#stage:visible")
    assert page.locator("#lane-E1 input").input_value() == "E1-M2"
    assert page.locator("#preview img").evaluate("image => image.naturalWidth") == 336
    assert f"{EPOCHS} epochs of 30 s" in page.locator(".facts").inner_text()

    page.click("#stage")
    page.wait_for_selector("#night .plot")
    expected = stager.stage(stager.open(recording))
    assert f"{EPOCHS} epochs staged" in status(page, "done")

    # Click into the middle of the fifth epoch, which is a fourteenth of the width.
    plot = page.locator("#night .plot")
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] * 4.5 / EPOCHS, "y": 40})
    page.wait_for_function("document.getElementById('epoch-title').innerText.includes('Epoch 5 ')")
    shown = page.locator("#probabilities .bars td:last-child").all_inner_texts()
    assert shown == [f"{p:.0%}" for p in expected.probabilities[4]]
    page.wait_for_selector("#epoch .heat")
    page.wait_for_selector("#reasons .bars")
    assert f"{expected.stages[4]} (p " in page.locator("#reasons").inner_text()
    assert page.locator("#reasons .bars th").all_inner_texts() == list(stager.spec.lanes)

    # Correct one epoch by a button and the next one by keys.
    by_hand = [STAGES[(STAGES.index(stage) + 2) % 5] for stage in expected.stages[4:6]]
    page.click(f"#stage-{by_hand[0]}")
    page.wait_for_selector(f"#probabilities .verdict:has-text('{by_hand[0]} set by hand')")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('epoch-title').innerText.includes('Epoch 6 ')")
    page.keyboard.press({"N1": "1", "N2": "2", "N3": "3"}.get(by_hand[1], by_hand[1].lower()))
    page.wait_for_selector("#files:has-text('2 epochs set by hand')")

    stages = expected.stages
    stages[4:6] = by_hand
    with page.expect_download() as download:
        page.click("text=EDF+ annotations")
    assert download.value.suggested_filename.endswith(" hypnogram.edf")
    path = download.value.path()
    edf = edfio.read_edf(path)
    scored = [a for a in edf.annotations if a.text.startswith("Sleep stage")]
    assert [a.text for a in scored] == [f"Sleep stage {stage}" for stage in stages]
    assert [a.onset for a in scored] == [30 * i for i in range(EPOCHS)]
    with page.expect_download() as download:
        page.click("text=CSV")
    rows = [*csv.DictReader(download.value.path().open())]
    assert [row["stage"] for row in rows] == stages
    p = [[float(row[f"p_{stage}"]) for stage in STAGES] for row in rows]
    np.testing.assert_allclose(p, expected.probabilities, atol=1e-4)

    # Nothing of the header is shown or written, and the log does not even hold the file's name.
    for text in (page.content(), path.read_bytes().decode("latin-1"), log.read_text()):
        assert not [secret for secret in SECRET if secret in text]
    assert recording.stem not in log.read_text()
    assert [*temporary.rglob("recording.edf")]
    page.close()
    wait(lambda: not [p for p in temporary.rglob("*") if p.is_file()], 30)
    (folder,) = temporary.glob("psgvlm-page-*")
    wait(lambda: [*folder.rglob("*")] == [folder / "arriving"], 10)


def test_errors_appear_in_the_status_line(page, stager, tmp_path):
    """They are those of the library, and another recording can follow."""
    legs = [edf_signal("Left Leg <b>", np.zeros(6000), 100)]
    bad = {
        "letter.edf": b"this is no recording\n" * 50,
        "short.edf": write_edf(tmp_path / "short.edf", montage(CORE, 10)).read_bytes(),
        "legs <i>.edf": write_edf(tmp_path / "legs.edf", legs).read_bytes(),
    }
    for name, content in bad.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError) as error:
            stager.open(path)
        give(page, name, content)
        page.wait_for_selector(f"#status .status.error:has-text('{name.split('.')[0]}')")
        assert status(page, "error") == " ".join(str(error.value).replace(str(path), name).split())
    assert not page.locator("#status b, #status i").count()
    assert page.locator("#stage").is_disabled()

    give(page, "large.edf", bytes(MAX_MB * 1_000_000 + 1))
    page.wait_for_selector("text=/exceed/i")

    # The visitor names a label that does not exist, then a difference of two that do.
    noise = montage(("C4-M1", "left", "right", "chin"), 90)
    give(page, "eyes.edf", write_edf(tmp_path / "eyes.edf", noise).read_bytes())
    page.wait_for_selector(".notes:has-text('no E1, E2: drawn as empty')")
    eye = page.locator("#lane-E1 input")
    eye.fill("nose")
    eye.press("Enter")
    page.wait_for_selector("#status .status.error")
    assert "E1=nose" in status(page, "error") and "no label 'nose'" in status(page, "error")
    eye.fill("left - right")
    eye.press("Enter")
    page.wait_for_selector(".notes:has-text('no E2: drawn as empty')")
    assert page.locator("#stage").inner_text() == "Stage 3 epochs"


def test_the_simulated_example_has_all_lanes(page, stager):
    page.click("#example")
    page.wait_for_selector("#stage:visible")
    for lane in stager.spec.lanes:
        assert page.locator(f"#lane-{lane} input").input_value()
    assert "no chin" not in page.locator(".facts + .notes").inner_text()


def test_a_file_that_was_not_uploaded_is_not_taken(served, tmp_path):
    """A client without the page could name any path: the server refuses it and moves no file."""
    address, _, _ = served
    theirs = write_edf(tmp_path / "theirs.edf", montage(CORE, 30))

    def ask(path, **content):
        body = json.dumps(content).encode() if content else None
        head = {"Content-Type": "application/json"}
        with urlopen(Request(f"{address}gradio_api/{path}", body, head), timeout=20) as answer:
            return answer.read().decode()

    with urlopen(f"{address}config", timeout=20) as answer:
        events = json.load(answer)["dependencies"]
    (upload,) = [event["id"] for event in events if "upload" in dict(event["targets"]).values()]
    file = {"path": str(theirs), "orig_name": "x.edf", "meta": {"_type": "gradio.FileData"}}
    ask("queue/join", data=[file], fn_index=upload, session_hash="another")
    assert '"success":false' in ask("queue/data?session_hash=another")
    assert theirs.is_file()
    with pytest.raises(HTTPError, match="403"):
        ask(f"file={theirs}")


### Without a browser


@pytest.fixture
def session(stager, recording, tmp_path):
    session = Session(stager, tmp_path)
    shutil.copy(recording, tmp_path / "came.edf")
    session.take_recording(tmp_path / "came.edf", recording.name)
    session.open()
    return session


def test_a_session_can_end_while_it_stages(session, tmp_path):
    """Staging stops, and nothing is left."""
    calls = []

    def show(done, epochs):
        calls.append(done)
        if done == 4:
            session.end()

    assert not session.stage(show)
    assert calls == [0, 1, 2, 3, 4]
    assert session.staged is None
    assert not [*tmp_path.iterdir()]
    with pytest.raises(InputError, match="the recording is not here any more"):
        session.open()


def test_a_night_is_staged_again_after_its_lanes_change(session):
    assert session.stage(lambda *_: None)
    assert session.row == session.staged.confidence.argmin()
    session.open({"E1": "E2-M1", "chin": ""})
    assert session.night.sources == {
        **{"C4-M1": "C4-M1", "E1": "E2-M1", "E2": "E2-M1"},
        "chin": "chin",
    }
    with pytest.raises(InputError, match="no night is staged here"):
        session.correct("W")


def test_the_button_visits_all_epochs_for_review(session):
    session.stage(lambda *_: None)
    unsure = sorted(session.staged.rows_for_review(0.6).tolist())
    assert unsure, "a model of two steps is sure of nothing"
    seen = []
    session.go_to(-3)
    assert session.row == 0
    for _ in unsure:
        assert session.go_to_next_for_review()
        seen.append(session.row)
        session.correct("N2")
    assert sorted(seen) == unsure
    assert not session.go_to_next_for_review()


def test_abandoned_uploads_are_deleted(stager, tmp_path):
    sessions = Sessions(stager, tmp_path)
    one, other = sessions.get("one"), sessions.get("other")
    assert sessions.get("one") is one
    for name in ("new", "old"):
        (sessions.arriving / name).mkdir()
        (sessions.arriving / name / "night.edf").write_bytes(b"0")
    long_ago = time.time() - ABANDONED_S - 1
    os.utime(sessions.arriving / "old", (long_ago, long_ago))
    sessions.end("one")
    assert not one.folder.exists()
    assert [path.name for path in sessions.arriving.iterdir()] == ["new"]
    sessions.end("other")
    sessions.end("other")
    assert not other.folder.exists()
    assert [*tmp_path.iterdir()] == [sessions.arriving]
    assert not [*sessions.arriving.iterdir()]


def test_the_svg_of_a_night_with_a_gap_and_marks(session):
    """Its steps, areas, marks and tips are those of the epochs."""
    session.stage(lambda *_: None)
    p = np.eye(5)[[0, 2, 2, 3, 4]] * 0.6 + 0.08  # W, N2, N2, gap of two, N3, R
    staged = replace(
        session.staged,
        **{"epochs": np.array([0, 1, 2, 5, 6]), "probabilities": p, "duration_s": 210.0},
        **{"clock_s": 86385, "corrections": {2: "N1"}},
    )
    drawn = pictures.night(staged, 0.9)
    paths = dict(re.findall(r'<path class="(\w+)" d="([^"]*)"', drawn))
    # W at 10 % of the height, N1 at 50, N2 at 70, N3 at 90, R at 30.
    assert paths["line"] == "M0,10.0H1V70.0H2V50.0H3M5,90.0H6V30.0H7"
    assert paths["corrected"] == "M2.5,0V10"
    assert re.findall(r"M([\d.]+)", paths["review"]) == ["0.5", "1.5", "5.5", "6.5"]
    stays = dict(re.findall(r'class="bout" stroke="([^"]*)" d="([^"]*)"', drawn))
    assert stays[COLOURS["N3"]] == "M5,90.0H6"
    areas = dict(re.findall(r'<path fill="([^"]*)" d="M0,100([^"]*)V100Z"', drawn))
    assert list(areas) == [COLOURS[stage] for stage in ("W", "R", "N1", "N2", "N3")]
    assert areas[COLOURS["W"]] == "V0H1V0H2V0H3V100H4V100H5V0H6V0H7"
    assert areas[COLOURS["N2"]] == "V84H1V24H2V24H3V100H4V100H5V24H6V84H7"
    times = r'<span style="left:[^"]*">(\d+:\d\d)</span>'
    assert re.findall(times, drawn) == ["00:00", "00:01", "00:02", "00:03"]
    untold = pictures.night(replace(staged, clock_s=None), 0.9)
    assert re.findall(times, untold) == ["0:00", "0:01", "0:02", "0:03"]
    tips = json.loads(unescape(re.search(r'data-tips="([^"]*)"', drawn)[1]))
    assert tips[1:4] == [
        "2 · 00:00:15 · N2 68%",
        "3 · 00:00:45 · N1 set by hand",
        "4 · 00:01:15 · in a gap of the recording",
    ]


### The Space


def test_the_space_serves_the_page_with_an_example(monkeypatch):
    served = []
    monkeypatch.setattr(app, "serve", lambda *words, **options: served.append((words, options)))
    monkeypatch.setenv("PSGVLM_MODEL", "someone/adapter")
    runpy.run_path(str(ROOT / "space" / "app.py"), run_name="__main__")
    options = {"host": "0.0.0.0", "example": simulated_example}
    assert served == [(("someone/adapter",), options)]


def test_the_space_finds_the_builders_where_its_readme_uploads_them(tmp_path):
    uploads = re.findall(r"hf upload SPACE (\S+) (\S+)", (ROOT / "space/README.md").read_text())
    for folder, target in uploads:
        if folder != "ADAPTER":
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, tmp_path / target, ignore=ignored, dirs_exist_ok=True)
    code = "import psgvlm.builders.simulate as it, psgvlm.commands.app; print(it.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(tmp_path / "psgvlm/builders/simulate/__init__.py"), (
        done.stderr
    )


def test_the_space_has_the_versions_of_the_tests():
    versions = re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.M)
    pins = {name.lower(): version for name, version in versions}
    front = yaml.safe_load((ROOT / "space" / "README.md").read_text().split("---")[1])
    assert (front["sdk"], front["sdk_version"]) == ("gradio", pins["gradio"])
    assert front["app_file"] == "app.py"

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["app"]]
    names = {re.match(r"[\w-]+", line)[0].lower() for line in needed} - {"psgvlm"}
    listed = (ROOT / "space" / "requirements.txt").read_text().splitlines()
    wanted = {f"{name}=={pins[name]}" for name in names}
    assert {line.lower() for line in listed if "==" in line} == wanted


def test_the_first_of_two_signals_of_one_label_can_be_chosen(stager, tmp_path):
    signals = [*montage(["C4-M1"], 60), *montage(["EMG"], 60), *montage(["EMG"], 60)]
    signals[1] = edf_signal("EMG", np.zeros(6000), 100)
    path = write_edf(tmp_path / "night.edf", signals)
    session = Session(stager, tmp_path)
    session.take_recording(path, "night.edf")
    assert session.sources()["chin"] == "EMG#2"
    assert session.open({"chin": "EMG"}).sources["chin"] == "EMG"
    session.end()
