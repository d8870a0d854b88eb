"""How much of the signal the images keep, and how many tokens they cost."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from commands import command, python
from hypothesis import given, settings
from hypothesis import strategies as st
from psgvlm.builders.simulate.night import simulate_night

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.images.fidelity import (
    SPINDLES_HZ,
    WAVES_HZ,
    fidelity,
    fidelity_table,
    highest_tone_hz,
    measure,
    recover,
)
from psgvlm.images.image_tokens import image_tokens, token_table
from psgvlm.images.raster import draw, to_rgb
from psgvlm.montages import MODALITY
from psgvlm.signals.filters import band_pass
from psgvlm.signals.traces import Trace

WIDE = PRESETS["wide"]
CHANNELS = {"E1": "E1-M2", "E2": "E2-M1"}


def by_modality(rows):
    return {row.modality: row for row in rows}


@pytest.fixture(scope="module")
def night():
    return simulate_night(4, hours=1)


def lanes_of(night, spec):
    """Return the lanes of a simulated night, filtered as for drawing."""
    return [
        Trace(
            band_pass(
                night.signals[CHANNELS.get(name, name)],
                night.rate_hz,
                spec.band_hz(MODALITY[name]),
            ),
            night.rate_hz,
        )
        for name in spec.lanes
    ]


@pytest.mark.parametrize("stage", ["N1", "N2", "N3", "R"])
def test_the_wide_image_keeps_the_waves_that_decide_stages(night, stage):
    traces = lanes_of(night, WIDE)
    onsets_s = [30.0 * epoch for epoch, scored in enumerate(night.stages) if scored == stage][:12]
    eeg = by_modality(measure(traces, WIDE, onsets_s))["EEG"]
    assert eeg.waves >= 0.98


def test_the_wide_image_does_not_cut_off_the_waves_of_sleep(night):
    eeg = [
        trace
        for trace, name in zip(lanes_of(night, WIDE), WIDE.lanes, strict=True)
        if MODALITY[name] == "EEG"
    ]
    per_epoch = round(30 * night.rate_hz)
    asleep = [epoch for epoch, stage in enumerate(night.stages) if stage in ("N2", "N3")]
    for trace in eeg:
        epochs = trace.samples_uv[: len(night.stages) * per_epoch].reshape(-1, per_epoch)
        assert (np.abs(epochs[asleep]) > WIDE.eeg_uv).mean() < 0.002


def test_the_synthetic_signal_gives_the_same_result():
    rows = by_modality(fidelity(WIDE))
    assert rows["EEG"].waves >= 0.98
    assert rows["EEG"].spindles > 0.8
    assert rows["EMG"].rms > 0.98
    assert rows["EMG"].waves is None
    # If each epoch has a scale of its own, the image does not show the amplitude.
    assert by_modality(fidelity(PRESETS["paper"]))["EEG"].rms < 0.6


@pytest.mark.parametrize("name", PRESETS)
def test_tones_are_read_back_up_to_half_the_columns_rate(name):
    spec = PRESETS[name]
    nyquist_hz = spec.width * spec.fold / 30 / 2
    assert nyquist_hz - 0.6 <= highest_tone_hz(spec) <= nyquist_hz


@settings(deadline=None)
@given(uv=st.floats(-100, 100))
def test_a_level_is_read_back_in_microvolts(uv):
    samples = np.full(3000, uv, np.float32)
    traces = [Trace(samples, 100.0), *[None] * (len(WIDE.lanes) - 1)]
    for spec in (WIDE, replace(WIDE, colour=False)):
        (image,) = draw(traces, spec, [0.0])
        centres, heights = recover(to_rgb(image, spec), spec)
        assert centres[0, 5:-5] * spec.eeg_uv == pytest.approx(uv, abs=0.6)
        assert heights[0, 5:-5] * spec.eeg_uv == pytest.approx(abs(uv), abs=2.5)
        assert np.isnan(centres[1:]).all()


def test_the_figures_of_the_presets_stay_as_they_are():
    """The last digits may differ between processors, but no figure changes with the code."""
    text = Path(__file__).with_name("expected_tables.md").read_text("utf-8")
    specs = PRESETS.values()
    assert token_table(specs) in text
    number = re.compile(r"-?\d+\.\d+")
    table = fidelity_table(specs)
    start = text.index(table.splitlines()[0])
    expected = text[start : text.index("\n\n", start)]
    assert number.sub("#", expected) == number.sub("#", table)
    pairs = zip(number.findall(expected), number.findall(table), strict=True)
    for expected_figure, measured in pairs:
        assert float(expected_figure) == pytest.approx(float(measured), abs=0.011)


def test_epochs_outside_the_record_are_refused_and_bad_samples_are_not():
    square = replace(PRESETS["square"], context_s=10.0)
    samples = np.random.default_rng(1).normal(0, 20, 9000).astype(np.float32)
    samples[4000:4050] = np.nan
    traces = [Trace(samples, 100.0), None, None, None]
    (eeg,) = measure(traces, square, [30.0])
    assert 0 < eeg.waves < 1
    for onset_s in (0.0, 60.0):
        with pytest.raises(InputError, match="within a record of 90 s"):
            measure(traces, square, [onset_s])


@pytest.mark.parametrize("change", [{"context_s": 30.0, "fold": 3}, {"scale": "robust"}])
def test_fidelity_of_other_options(change):
    rows = by_modality(fidelity(replace(PRESETS["square"], **change)))
    assert rows["EEG"].waves > 0.9
    assert (rows["EEG"].uv_per_px is None) == ("scale" in change)


def test_the_bands_lie_within_one_another():
    assert WAVES_HZ[0] < SPINDLES_HZ[0] < SPINDLES_HZ[1] <= WAVES_HZ[1]


@settings(deadline=None)
@given(width=st.integers(16, 4096), height=st.integers(16, 4096))
def test_tokens_are_those_of_transformers_own_rules(width, height):
    from transformers.models.idefics3 import image_processing_pil_idefics3 as idefics
    from transformers.models.llava_next import image_processing_pil_llava_next as next_image
    from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    counted = image_tokens(width, height)
    # As published: SmolVLM-256M-Instruct, SmolVLM-Instruct, Idefics3-8B-Llama3.
    for name, side, tokens in (
        ("SmolVLM-256M, 500M", 512, 64),
        ("SmolVLM-2.2B", 384, 81),
        ("Idefics3", 364, 169),
    ):
        if max(width, height) >= side * 4 * min(width, height):
            continue  # such a narrow strip is a single row of tiles in any case
        processor = idefics.Idefics3ImageProcessorPil(
            size={"longest_edge": 4 * side}, max_image_size={"longest_edge": side}
        )
        tiles, _, _ = processor.get_number_of_image_patches(height, width)
        assert counted[name] == tiles * tokens
    if max(width, height) <= 200 * min(width, height):
        for name, cell, least, most in (
            ("Qwen2.5-VL", 28, 56 * 56, 12845056),
            ("Qwen3-VL", 32, 65536, 16777216),
        ):
            high, wide = smart_resize(height, width, cell, least, most)
            assert counted[name] == high * wide // cell**2
    llava_next = SimpleNamespace(
        image_processor=next_image.LlavaNextImageProcessorPil(),
        patch_size=14,
        num_additional_image_tokens=0,
        _get_unpadded_features=lambda *a: LlavaNextProcessor._get_unpadded_features(None, *a),
    )
    features = LlavaNextProcessor._get_number_of_features(llava_next, height, width, 336, 336)
    assert counted["LLaVA-NeXT"] == features


def test_the_command_prints_both_tables_and_its_help_is_quick_to_load():
    done = command("-m", "psgvlm.images.fidelity", "--image", "wide")
    assert done.returncode == 0, done.stderr
    assert fidelity_table([WIDE]).splitlines()[0] in done.stdout
    assert token_table([WIDE]) in done.stdout
    loaded = python(
        "-c",
        "import sys, psgvlm.images.fidelity; "
        "print(sorted({'numba', 'scipy', 'torch', 'matplotlib'} & set(sys.modules)))",
    )
    assert loaded.stdout.strip() == "[]", loaded.stderr
