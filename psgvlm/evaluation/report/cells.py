"""Figures as text in the cells of a report's tables."""

from psgvlm.evaluation.baseline_names import FLOORS

FIGURES = {
    **{"kappa": "κ", "macro_f1": "macro-F1", "accuracy": "accuracy"},
    **{"balanced_accuracy": "balanced accuracy", "mcc": "MCC"},
}


def number_text(value: float | None, digits: int = 3) -> str:
    """Return a number with this many digits after the point, or a dash for `None`."""
    return "–" if value is None else f"{value:.{digits}f}"


def interval_text(estimate: dict, key: str = "value", digits: int = 3) -> str:
    """Return an estimate as `0.812 (0.790 to 0.834)`, or the value alone without an interval."""
    if estimate["low"] is None:
        return number_text(estimate[key], digits)
    value, low, high = (estimate[name] for name in (key, "low", "high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def percent_text(estimate: dict) -> str:
    """Return an estimated share as `3.2 % (1.0 to 5.4)`."""
    shares = [estimate[key] for key in ("value", "low", "high")]
    value, low, high = (number_text(None if x is None else 100 * x, 1) for x in shares)
    return f"{value} %" if estimate["low"] is None else f"{value} % ({low} to {high})"


def without_floors(contenders: dict) -> dict:
    """Return the contenders that look at pictures or signals: most tables leave floors out."""
    return {name: value for name, value in contenders.items() if name not in FLOORS}
