"""The API of a staged night: what a notebook user gets."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.stages import STAGES
from psgvlm.staging import StagedNight, night_files
from psgvlm.staging.lights import Lights

P = np.array(
    [
        [0.9, 0.1, 0.0, 0.0, 0.0],
        [0.1, 0.5, 0.2, 0.1, 0.1],
        [0.0, 0.1, 0.8, 0.1, 0.0],
        [0.1, 0.1, 0.0, 0.0, 0.8],
    ]
)
# The record's epochs 1, 2, 5 and 6 were staged as W, N1, N2 and R; 3 and 4 lie in a gap.
INDICES = np.array([0, 1, 4, 5])


@pytest.fixture
def night():
    return StagedNight(
        name="a <b>$night$.edf", duration_s=185.0, clock_s=86370, epochs=INDICES,
        raw_probabilities=P, probabilities=P, temperature=None, review=(),
        lanes={"C4-M1": "C4-M1", "chin": None}, lost_s=np.zeros((4, 2)),
        notes=("no chin & no eyes",), spec=PRESETS["square"], model="ORG/adapter",
        fingerprint="f", versions={"psgvlm": "0"}, key="k",
    )  # fmt: skip


def test_frame_has_an_epoch_a_row_numbered_from_1(night):
    frame = night.to_frame()
    assert list(frame) == ["epoch", "onset_s", "stage", *(f"p_{stage}" for stage in STAGES)]
    assert frame["epoch"].tolist() == [1, 2, 5, 6]
    assert frame["onset_s"].tolist() == [0, 30, 120, 150]
    assert frame["stage"].tolist() == ["W", "N1", "N2", "R"]
    np.testing.assert_array_equal(frame[[f"p_{stage}" for stage in STAGES]], P)


def test_a_correction_counts_everywhere_but_in_the_probabilities(night):
    corrected = night.corrected(2, "N3")
    assert corrected.to_frame()["stage"].tolist() == ["W", "N3", "N2", "R"]
    assert (corrected.probabilities == night.probabilities).all()
    assert night.rows_for_review(0.6).tolist() == [1]
    assert corrected.rows_for_review(0.6).tolist() == []
    assert night.corrections == {}
    for epoch, stage in ((3, "W"), (0, "W"), (1, "REM")):
        with pytest.raises(InputError, match=f"epoch {epoch} as '{stage}'"):
            night.corrected(epoch, stage)


def test_hypnogram_is_yasas_with_gaps_unscored(night):
    hypnogram = night.hypnogram()
    assert hypnogram.hypno.tolist() == ["WAKE", "N1", "UNS", "UNS", "N2", "REM"]
    assert hypnogram.sampling_frequency == pytest.approx(1 / 30)
    assert hypnogram.sleep_statistics()["TST"] == 1.5
    assert night.minutes == {"W": 0.5, "N1": 0.5, "N2": 0.5, "N3": 0, "R": 0.5}


def test_plot_is_a_figure_that_a_notebook_shows(night):
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    figure = night.plot()
    assert isinstance(figure, Figure) and not pyplot.get_fignums()
    assert [axes.get_ylabel() for axes in figure.axes] == ["", "probability"]
    png = Image.open(BytesIO(figure._repr_png_()))
    assert png.format == "PNG" and min(png.size) > 300
    # The record begins at 23:59:30.
    labels = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert labels == ["00:00", "00:01", "00:02"]


def test_repr_says_what_a_person_asks_first(night):
    lines = repr(night.corrected(2, "N3")).splitlines()
    assert lines[0] == "StagedNight of a <b>$night$.edf"
    text = "\n".join(lines)
    for fact in ("4 of 30 s", "2 more lie in gaps", "W 0.5, N1 0, N2 0.5, N3 0.5, R 0.5",
                 "0 epochs", "corrected by a person: 1", "ORG/adapter", "no chin"):  # fmt: skip
        assert fact in text
    assert "1 epochs" in repr(night)


def test_html_repr_escapes_names_and_holds_the_plot(night):
    html = night._repr_html_()
    assert "<b>$night$" not in html and "a &lt;b&gt;$night$.edf" in html
    assert "no chin &amp; no eyes" in html
    assert "0.5 min (25%)" in html
    (content,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert Image.open(BytesIO(base64.b64decode(content))).format == "PNG"


def test_save_writes_the_files_of_the_command(night, tmp_path):
    assert night.save(tmp_path / "new" / "folder", "23:59:40", 170, 0.7) == tmp_path / "new/folder"
    files = {path.name: path.read_bytes() for path in (tmp_path / "new/folder").iterdir()}
    assert files == night_files.file_contents(night, Lights(10.0, 170.0), 0.7)
    assert set(files) == set(night_files.FILES)
    with pytest.raises(InputError, match="lights on '25:00'") as error:
        night.save(tmp_path, lights_on="25:00")
    assert error.value.parameter == "lights_on"


def test_files_are_replaced_together(night, tmp_path, monkeypatch):
    """A failure while the last file is written leaves all earlier files as they were."""
    folder = night.save(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    contents = night_files.file_contents(night, Lights(0.0, 90.0), 0.9)
    contents[night_files.FILES[0]] = None  # cannot be written
    monkeypatch.setattr(night_files, "file_contents", lambda *_: contents)
    with pytest.raises(TypeError):
        night.save(tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
