"""Figures as a report writes them."""

from psgvlm.evaluation.baselines import FLOORS

FIGURES = {
    **{"kappa": "κ", "macro_f1": "macro-F1", "accuracy": "accuracy"},
    **{"balanced_accuracy": "balanced accuracy", "mcc": "MCC"},
}


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def interval(of: dict, key: str = "value", digits: int = 3) -> str:
    """`0.812 (0.790 to 0.834)`, or the value alone where it has no interval."""
    if of["low"] is None:
        return number(of[key], digits)
    return f"{of[key]:.{digits}f} ({of['low']:.{digits}f} to {of['high']:.{digits}f})"


def percent(of: dict) -> str:
    """A share as `3.2 % (1.0 to 5.4)`."""
    told = [None if of[key] is None else 100 * of[key] for key in ("value", "low", "high")]
    value, *ends = (number(x, 1) for x in told)
    return f"{value} %" if of["low"] is None else f"{value} % ({ends[0]} to {ends[1]})"


def looking(contenders: dict) -> dict:
    """Without those that look at nothing, of which there is little to tell."""
    return {name: of for name, of in contenders.items() if name not in FLOORS}
