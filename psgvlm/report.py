"""What `eval.py` writes: predictions, metrics, a page with tables and a picture."""

import json
from pathlib import Path

import numpy as np

from psgvlm import hypnogram, metrics
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

WHERE = ("cohort", "subject", "recording", "epoch", "onset")


def predictions(corpus, probabilities: list[np.ndarray]):
    """A pandas frame, one row an epoch: where it lies, scored and predicted stage, p_W ... p_R."""
    import pandas as pd

    frame = corpus.select_columns([*WHERE, "stage"]).to_pandas()
    frame["stage"] = [STAGES[index] for index in frame["stage"]]
    p = np.array(probabilities)
    frame["predicted"] = [STAGES[index] for index in p.argmax(axis=1)]
    columns = pd.DataFrame(p, columns=[f"p_{stage}" for stage in STAGES])
    return pd.concat([frame, columns], axis=1)


def measure(frame) -> dict:
    """Metrics pooled, by cohort, by recording, and those of always naming the commonest stage."""
    import evaluate

    metric = evaluate.load(metrics.SLEEP_STAGING)

    def of(part) -> dict:
        return metric.compute(
            predictions=part["predicted"].tolist(), references=part["stage"].tolist()
        )

    commonest = frame["stage"].mode()[0]
    return {
        "pooled": of(frame),
        "majority": of(frame.assign(predicted=commonest)),
        "cohorts": {name: of(part) for name, part in frame.groupby("cohort")},
        "recordings": {
            f"{cohort}/{name}": of(part)
            for (cohort, name), part in frame.groupby(["cohort", "recording"])
        },
    }


def write(out: Path, frame, measured: dict, spec: ImageSpec) -> None:
    """Write predictions.parquet, metrics.json, hypnogram.png and report.md into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(out / "predictions.parquet", index=False)
    (out / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n", "utf-8")

    nights = sorted(measured["recordings"], key=lambda name: measured["recordings"][name]["kappa"])
    median = nights[(len(nights) - 1) // 2]
    draw_night(frame, *median.split("/", 1), out / "hypnogram.png")

    pooled = measured["pooled"]
    rows = {"all": pooled, **measured["cohorts"], **measured["recordings"]}
    rows["always the commonest stage"] = measured["majority"]
    lines = [
        "# How well it stages",
        "",
        f"Image spec `{spec.name}`, {pooled['epochs']} epochs of {len(nights)} nights. "
        f"Invalid answers (counted as wrong): {pooled['invalid']}.",
        "",
        "| | κ | macro-F1 | accuracy | balanced accuracy | "
        + " | ".join(f"F1 {stage}" for stage in STAGES)
        + " | epochs |",
        "|" + "---|" * (6 + len(STAGES)),
    ]
    for name, row in rows.items():
        figures = [row[key] for key in ("kappa", "macro_f1", "accuracy", "balanced_accuracy")]
        figures += [row["f1"][stage] for stage in STAGES]
        cells = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['epochs']} |")
    lines += ["", "Scored (rows) against predicted (columns), epochs:", ""]
    lines += ["| | " + " | ".join((*STAGES, "invalid")) + " |", "|" + "---|" * 7]
    for stage, row in zip(STAGES, pooled["confusion"], strict=True):
        lines.append(f"| {stage} | {' | '.join(map(str, row))} |")
    lines += ["", f"The night of median κ, {median}:", "", "![hypnogram](hypnogram.png)", ""]
    (out / "report.md").write_text("\n".join(lines), "utf-8")


def draw_night(frame, cohort: str, recording: str, path: Path) -> None:
    """One night's hypnogram and hypnodensity with the scorer's stages behind; gaps stay gaps."""
    night = frame[(frame["cohort"] == cohort) & (frame["recording"] == recording)]
    epochs = night["epoch"].to_numpy()
    grid = np.arange(epochs[0], epochs[-1] + 1)
    first_s = night["onset"].iloc[0]
    at = epochs - epochs[0]
    p = np.full((len(grid), len(STAGES)), np.nan)
    p[at] = night[[f"p_{stage}" for stage in STAGES]].to_numpy()
    scored: list[str | None] = [None] * len(grid)
    for index, stage in zip(at, night["stage"], strict=True):
        scored[index] = stage
    onsets_s = first_s + hypnogram.EPOCH_S * (grid - grid[0])
    hypnogram.Hypnogram(onsets_s, p).to_png(path, scored)
