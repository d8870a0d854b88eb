"""Measure whether explanations are true, on simulated nights whose events are known.

    python bench/explain.py --model ADAPTER --dataset CORPUS --raw RAW [--epochs 60]

The script takes test epochs whose simulated stage the model finds, as many of each stage. It
measures every method, patches in random order, patches from the centre outwards, and ablation of
the same model with shuffled weights:

- pointing: whether the strongest patch of 14 x 14 pixels lies on an event by which the stage is
  scored (`DECISIVE`), in a lane that shows such events;
- time: how often a second with such an event has more heat than one without (chance: 0.5);
- deletion, insertion: the mean probability of the stage while patches are blanked, the strongest
  first (lower is better), and while patches are added to a blank image (higher is better);
- cost: the time of the method, divided by the time of scoring the epoch once.

It also measures whether a damaged lane loses its importance: the lane's share of what the model
loses without a lane, for the lane as recorded, as a flat line, and as noise. 95 % intervals are
over subjects. The script writes bench/results/explain.json and prints tables.
"""

import argparse
import copy
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from psgvlm import errors

RESULTS = Path(__file__).parent / "results" / "explain.json"
DECISIVE = {
    "W": ("alpha", "blink", "saccade"),
    "N1": ("slow_eye_movement", "vertex_wave"),
    "N2": ("spindle", "k_complex"),
    "N3": ("slow_wave",),
    "R": ("saccade", "sawtooth"),
}
# The index of each lane in the spread of a simulated waveform, its gains at F, C, O, E1 and E2. A
# lane shows the waveform if its gain is at least SEEN of the largest.
PLACES = {"F4-M1": 0, "C4-M1": 1, "O2-M1": 2, "E1": 3, "E2": 4}
SEEN, MARGIN_S = 0.5, 0.25
STEPS = 20
NOISE_UV = 50.0
GOAL_PASSES = 60


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, help="the adapter")
    add("--dataset", required=True, help="a corpus of simulated cohorts")
    add("--raw", type=Path, required=True, help="the folder that psgvlm simulate wrote")
    add("--epochs", type=int, default=60, help="how many epochs to explain; default: 60")
    args = parser.parse_args()

    from tqdm import tqdm

    from psgvlm.corpus import loading
    from psgvlm.evaluation import corpus_nights
    from psgvlm.explanations import over_corpus
    from psgvlm.models import adapter_files, devices, vlm
    from psgvlm.stages import STAGES

    model = vlm.load(args.model)
    adapter_files.check_same_images(args.model, model.spec, args.dataset)
    shuffled = shuffle(model)
    rows = loading.load_split(args.dataset, "test")
    nights = corpus_nights.with_signals(rows, args.dataset, args.raw)
    results, damaged, left_out = [], [], {"staged otherwise": 0, "no event, or all of it": 0}
    with tqdm(total=args.epochs, unit="epoch") as bar:
        # Choose twice as many as are wanted, since some are left out.
        for night, chosen in zip(nights, over_corpus.choose(nights, 2 * args.epochs), strict=True):
            wanted = len(chosen) // 2
            truth, traces, starts_s = (
                events(args.raw, night),
                night.signal.traces(),
                night.signal.starts_s,
            )
            who = "/".join((night.rows["cohort"][0], night.rows["subject"][0]))
            done = 0
            for row in np.random.default_rng(0).permutation(chosen).tolist():
                if done == wanted:
                    break
                stage, images = STAGES[night.stages[row]], night.rows[row]["images"]
                mask = decisive(truth, stage, night.rows[row]["onset"], model.spec)
                measured = measure(model, shuffled, images, stage, mask, seed=row)
                if isinstance(measured, str):
                    left_out[measured] += 1
                    continue
                results += [{"subject": who, "stage": stage, **one} for one in measured]
                for one in damage(model, traces, float(starts_s[row]), stage):
                    damaged.append({"subject": who, "stage": stage, **one})
                done += 1
                bar.update()
    result = {
        "machine": {"device": devices.name(model.model.device), "torch": version("torch")},
        "epochs": len(damaged) // (3 * len(model.spec.lanes)),
        "left_out": left_out,
        "methods": summary(results),
        "stages": {
            stage: summary([one for one in results if one["stage"] == stage])
            for stage in STAGES
            if any(one["stage"] == stage for one in results)
        },
        "damaged_lanes": damage_summary(damaged),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(tables(result))
    return 0


def shuffle(model, seed: int = 0):
    """Return a copy of the model with the numbers of each weight matrix in random order."""
    import torch

    from psgvlm.models.vlm import StagingModel

    other = copy.deepcopy(model.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.parameters():
            order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
            weight.copy_(weight.flatten()[order].reshape(weight.shape))
    return StagingModel(other, model.processor, model.spec, model.neighbours)


### Truth


def events(raw: Path, night):
    """Return the simulated events of a night: kind, and onset and duration in s of the record."""
    import pandas as pd

    cohort, recording = night.name.split("/", 1)
    path = raw / "truth" / cohort / f"{recording}.csv"
    if not path.is_file():
        raise errors.InputError(f"{path}: no such file; expected the events of a simulated cohort")
    return pd.read_csv(path)


def decisive(truth, stage: str, onset_s: float, spec) -> np.ndarray:
    """Return which pixels show an event by which the stage is scored, bool (height, width)."""
    from psgvlm.builders.simulate.waveforms import KINDS

    from psgvlm.images import geometry
    from psgvlm.montages import MODALITY

    mask = np.zeros((spec.height, spec.width), bool)
    lanes, at_s = geometry.pixel_lanes(spec), geometry.pixel_times_s(spec) + onset_s
    stop_s = truth["onset_s"] + truth["duration_s"]
    near = (stop_s > onset_s - 60) & (truth["onset_s"] < onset_s + 60)
    for event in truth[near & truth["kind"].isin(DECISIVE[stage])].itertuples():
        if event.kind == "alpha":  # it is part of the background of every EEG lane
            seen = [MODALITY[name] == "EEG" for name in spec.lanes]
        else:
            gains = [KINDS[event.kind].spread[PLACES[n]] if n in PLACES else 0 for n in spec.lanes]
            seen = np.abs(gains) >= SEEN
        first, last = event.onset_s - MARGIN_S, event.onset_s + event.duration_s + MARGIN_S
        mask |= np.isin(lanes, np.flatnonzero(seen)) & (at_s >= first) & (at_s < last)
    return mask


### One epoch


def measure(model, shuffled, images: list, stage: str, mask: np.ndarray, seed: int):
    """Return a row for each method and baseline, or the reason to leave the epoch out."""
    from psgvlm.explanations import METHODS, explain
    from psgvlm.explanations.blanking import BlankableEpoch
    from psgvlm.explanations.methods import PATCH_PX
    from psgvlm.images import geometry
    from psgvlm.models import inference
    from psgvlm.stages import INDEX

    if not 0 < mask.mean() < 0.95:
        return "no event, or all of it"
    epoch, index = BlankableEpoch(model, images), INDEX[stage]
    if epoch.log_probabilities.argmax() != index:
        return "staged otherwise"
    scorer = inference.StageClassifier(model)
    passes = [timed(lambda: list(scorer.probabilities([images]))) for _ in range(6)]
    pass_s = np.median([seconds for _, seconds in passes[1:]])  # the first pass also warms up
    labels = geometry.pixel_patches(model.spec, PATCH_PX)
    row, column = (x - x.mean() for x in np.indices(mask.shape))
    order = np.random.default_rng(seed).permutation(labels.max() + 1)
    heats = {"random": order[labels], "centre": -np.hypot(row, column)}
    heats["shuffled weights"] = explain(shuffled, images, "ablation", stage).heat
    cost = {}
    for name in METHODS:
        why, seconds = timed(lambda name=name: explain(model, images, name, stage))
        heats[name], cost[name] = why.heat, {"passes": seconds / pass_s, "seconds": seconds}
    judged = {name: judge(epoch, index, heat, mask, labels) for name, heat in heats.items()}
    judged["random"]["pointing"] = float(mask.mean())  # the expected value over all patches
    return [{"method": name, **judged[name], **cost.get(name, {})} for name in heats]


def judge(epoch, index: int, heat: np.ndarray, mask: np.ndarray, labels: np.ndarray) -> dict:
    """Return pointing, time, deletion and insertion of one heat map."""
    from psgvlm.images import geometry

    sizes = np.bincount(labels.ravel())
    scores = np.bincount(labels.ravel(), heat.ravel()) / sizes
    strongest = labels == scores.argmax()
    seconds = geometry.sum_by_second(heat, epoch.model.spec)
    eventful = geometry.sum_by_second(mask, epoch.model.spec) > 0
    rank = np.empty(len(scores), int)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    ranks = rank[labels] / len(scores)
    shares = np.linspace(0, 1, STEPS + 1)
    deleted = np.exp(epoch.without(ranks < share for share in shares)[:, index])
    inserted = np.exp(epoch.without(ranks >= share for share in shares)[:, index])
    return {
        "pointing": float(mask[strongest].mean()),
        "time": auc(seconds[eventful], seconds[~eventful]),
        "deletion": float(np.trapezoid(deleted, shares)),
        "insertion": float(np.trapezoid(inserted, shares)),
    }


def auc(ones: np.ndarray, others: np.ndarray) -> float:
    """Return how often a value of `ones` exceeds one of `others`; NaN if one of them is empty."""
    if not len(ones) or not len(others):
        return np.nan
    difference = ones[:, None] - others
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def damage(model, traces: list, start_s: float, stage: str) -> list[dict]:
    """Return a row for each lane as recorded and damaged: its share of what is lost without it."""
    from PIL import Image

    from psgvlm.explanations.blanking import BlankableEpoch
    from psgvlm.images import geometry, raster
    from psgvlm.signals.traces import Trace
    from psgvlm.stages import INDEX

    spec, rows = model.spec, []
    masks = [geometry.pixel_lanes(spec) == lane for lane in range(len(spec.lanes))]
    rng = np.random.default_rng(0)
    for lane, trace in enumerate(traces):
        if trace is None:
            continue
        noise = rng.normal(0, NOISE_UV, len(trace.samples_uv)).astype(np.float32)
        kinds = {"as it is": trace.samples_uv, "flat": np.zeros_like(noise), "noise": noise}
        for kind, samples in kinds.items():
            changed = list(traces)
            changed[lane] = Trace(samples, trace.rate_hz)
            picture = raster.to_rgb(next(raster.draw(changed, spec, [start_s])), spec)
            epoch = BlankableEpoch(model, [Image.fromarray(picture)])
            index = INDEX[stage]
            lost = (epoch.log_probabilities[index] - epoch.without(masks)[:, index]).clip(0)
            share = lost[lane] / lost.sum() if lost.sum() else 0.0
            same = float(epoch.log_probabilities.argmax() == index)
            rows.append({"lane": spec.lanes[lane], "kind": kind, "share": share, "same": same})
    return rows


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


### All epochs


def summary(rows: list[dict]) -> dict:
    """Return means by method with intervals over subjects.

    `less` is the difference from patches in random order.
    """
    import pandas as pd

    from psgvlm.explanations.over_corpus import means

    frame, methods = pd.DataFrame(rows), {}
    judged = ["pointing", "time", "deletion", "insertion"]
    epochs = frame.groupby("method").cumcount()
    random = frame[frame["method"] == "random"].set_index(epochs[frame["method"] == "random"])
    for name, part in frame.groupby("method", sort=False):
        part = part.set_index(epochs[part.index])
        owner = part.groupby("subject").ngroup().to_numpy()
        methods[name] = {}
        for key in judged:
            known = part[key].notna().to_numpy()
            values = {key: part[key][known], "less": (part[key] - random[key])[known]}
            mean = means(owner[known], values, seed=0)
            methods[name][key] = {**mean[key], "less": mean["less"]} if mean else None
        if part["passes"].notna().all():
            methods[name] |= {
                "passes": part["passes"].median(),
                "seconds": part["seconds"].median(),
            }
    return methods


def damage_summary(rows: list[dict]) -> dict:
    """Return means by lane and kind of damage, with intervals over subjects."""
    import pandas as pd

    from psgvlm.explanations.over_corpus import means

    lanes = {}
    for (lane, kind), part in pd.DataFrame(rows).groupby(["lane", "kind"], sort=False):
        owner = part.groupby("subject").ngroup().to_numpy()
        values = {"share": part["share"], "same": part["same"]}
        lanes.setdefault(lane, {})[kind] = means(owner, values, seed=0)
    return lanes


def tables(result: dict) -> str:
    from psgvlm.evaluation.report.cells import interval_text
    from psgvlm.staging.document import Heading, Table, Text, markdown

    def rows(methods):
        for name, figures in methods.items():
            cells = [interval_text(figures[k], digits=2) if figures[k] else "–" for k in judged]
            cost = "–"
            if "passes" in figures:
                cost = f"{figures['passes']:.0f} ({figures['seconds']:.2f} s)"
            yield [name, *cells, cost]

    judged = ("pointing", "time", "deletion", "insertion")
    head = ["method", "pointing ↑", "time ↑", "deletion ↓", "insertion ↑", "prompt passes"]
    page = [Text(f"{result['epochs']} epochs; left out: {result['left_out']}")]
    page.append(Table(head, list(rows(result["methods"]))))
    for stage, methods in result["stages"].items():
        page += [Heading(stage, 3), Table(head, list(rows(methods)))]
    page.append(
        Text("The share of what is lost without a lane, and how often the stage stays the same")
    )
    kinds = ("as it is", "flat", "noise")
    cells = [
        [
            lane,
            *(
                interval_text(by_kind[kind][key], digits=2)
                for key in ("share", "same")
                for kind in kinds
            ),
        ]
        for lane, by_kind in result["damaged_lanes"].items()
    ]
    page.append(Table(["lane", *kinds, *(f"stage, {kind}" for kind in kinds)], cells))
    spent = result["methods"]["ablation"]["passes"]
    met = "met" if spent < GOAL_PASSES else "NOT met"
    page.append(Text(f"Ablation: {spent:.0f} prompt passes (goal {GOAL_PASSES}: {met})"))
    return markdown(page)


if __name__ == "__main__":
    errors.run(main)
