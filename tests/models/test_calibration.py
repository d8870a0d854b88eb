"""Temperature scaling, the review curve, and reliability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import cohen_kappa_score

from psgvlm.errors import InputError
from psgvlm.metrics.sleep_staging.figures import BINS, ece, log_loss, reliability
from psgvlm.models.calibration import (
    FILE_NAME,
    SHARES,
    draw,
    fit_temperature,
    load,
    load_review,
    review_curve,
    save,
    scale,
)


def answers(n, seed=0):
    """Return logits, and stages drawn from exactly their probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 5))
    drawn = (softmax(logits, 1).cumsum(1) < rng.random((n, 1))).sum(1)
    return logits, drawn.clip(max=4)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_fit_finds_the_temperature_that_was_applied(temperature):
    """Logits multiplied by T are overconfident, and dividing them by T calibrates them again."""
    logits, scored = answers(20_000)
    p = softmax(logits * temperature, axis=1)
    found = fit_temperature(p, scored)
    assert found == pytest.approx(temperature, rel=0.05)
    after = scale(p, found)
    assert ece(after, scored) < 0.015
    if temperature != 1:
        assert ece(p, scored) > 0.08
    assert (after.argmax(1) == p.argmax(1)).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), temperature=st.floats(0.2, 5))
def test_no_other_temperature_has_a_smaller_log_loss(seed, temperature):
    logits, scored = answers(200, seed)
    p = softmax(logits * temperature, axis=1)
    best = log_loss(scale(p, fit_temperature(p, scored)), scored)
    for t in np.geomspace(0.06, 19, 60):
        # The loss computed another way: from the logits, by scipy.
        loss = -log_softmax(logits * temperature / t, axis=1)[np.arange(200), scored].mean()
        assert best <= loss + 1e-6


def test_probabilities_of_zero_and_one_can_be_scaled():
    p = np.array([[1.0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0]])
    cooled = scale(p, 2.0)
    assert np.isfinite(cooled).all()
    assert cooled.sum(1) == pytest.approx(1)
    assert cooled[1, 0] == cooled[1, 1] == pytest.approx(0.5)
    assert scale(p, 1.0) == pytest.approx(p)
    # Sure, and wrong: the temperature stays within its bounds and the loss is a number.
    assert 10 < fit_temperature(p, np.array([4, 4])) <= 20


def test_a_saved_temperature_is_loaded_again(tmp_path):
    assert load(tmp_path) is None
    assert load_review(tmp_path) == []
    logits, scored = answers(900)
    p = softmax(logits, axis=1)
    save(tmp_path, 1.2345678901234567, p, scored)
    assert load(tmp_path) == 1.2345678901234567
    assert load_review(tmp_path) == review_curve(scale(p, 1.2345678901234567), scored)
    (tmp_path / FILE_NAME).write_text('{"temperature": 2}')  # as written before there was a curve
    assert load_review(tmp_path) == []


def test_reviewing_the_least_confident_epochs():
    """Reviewed epochs are right afterwards, and the thresholds say which epochs they are."""
    logits, scored = answers(2000)
    p = softmax(logits, axis=1)
    answer, sure = p.argmax(1), p.max(1)
    curve = review_curve(p, scored)
    assert [point.share for point in curve] == pytest.approx(SHARES)
    for point in curve:
        after = np.where(sure < point.under, scored, answer)
        assert point.share == (sure < point.under).mean()
        assert point.accuracy == (after == scored).mean()
        assert point.kappa == pytest.approx(cohen_kappa_score(scored, after))
    # Honest probabilities: the least sure epochs are the most worth looking at.
    gained = np.diff([point.accuracy for point in curve]) / np.diff(SHARES)
    assert (gained > 0).all()
    assert gained[0] > 1.5 * gained[-1]


@pytest.mark.parametrize("review", ['{"share": 1}', '[{"share": 1}]', '["x"]', "7",
    '[{"share": 0, "under": 0, "kappa": NaN, "accuracy": 1}]',
    '[{"share": 0, "under": 0, "kappa": "1", "accuracy": 1}]',
    '[{"share": 9, "under": 0, "kappa": 1, "accuracy": 1}]'])  # fmt: skip
def test_an_invalid_review_curve_is_refused(tmp_path, review):
    (tmp_path / FILE_NAME).write_text(f'{{"temperature": 1, "review": {review}}}')
    assert load(tmp_path) == 1
    with pytest.raises(InputError, match=r"calibration\.json: .*fit it again"):
        load_review(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "{}",
                                  '{"temperature": "warm"}', '{"temperature": NaN}',
                                  '{"temperature": 0}', '{"temperature": 1e9}'])  # fmt: skip
def test_an_invalid_temperature_is_refused(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(InputError, match=r"calibration\.json: .*fit it again"):
        load(tmp_path)


def test_reliability_is_scikit_learns_curve():
    logits, scored = answers(3000)
    p = softmax(logits, axis=1)
    table = reliability(p, scored)
    right, said = calibration_curve(p.argmax(1) == scored, p.max(1), n_bins=BINS)
    filled = table["epochs"] > 0
    assert table["accuracy"][filled] == pytest.approx(right)
    assert table["confidence"][filled] == pytest.approx(said)
    assert table["epochs"].sum() == 3000
    # No answer of five is less probable than a fifth: the lowest bins are empty.
    assert np.isnan(table["accuracy"][:2]).all()


def test_the_diagram_has_a_panel_for_each_set_of_probabilities(tmp_path):
    logits, scored = answers(500)
    panels = {"before": softmax(3 * logits, axis=1), "after": softmax(logits, axis=1)}
    for name in ("one.png", "two.png"):
        draw(panels, scored, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        assert image.width > 900
        assert np.asarray(image.convert("L")).std() > 20
