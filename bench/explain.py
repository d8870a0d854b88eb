"""Is an explanation true? Measured where it is known what was planted in the signal.

    python bench/explain.py --model ADAPTER --dataset CORPUS --raw RAW [--epochs 60]

Test epochs of simulated nights that the model stages as they were simulated, of each stage alike.
For every method, for patches in random order and from the centre outwards, and for the same
ablation of the same model with shuffled weights:

- pointing: whether the strongest patch of 14 x 14 pixels lies on an event that the stage is scored
  by (`DECISIVE`), in a lane in which it is seen;
- time: how often a second with such an event is hotter than one without (chance: 0.5);
- deletion, insertion: the stage's mean probability while patches are blanked, the strongest first
  (lower is better), and while they are shown on blank ground (higher is better);
- cost: its time over that of one prompt pass, scored alone.

And whether a lane that is damaged is left aside: its share of what is lost without a lane, as it
is, with a flat line in its place, and with noise. 95 % intervals are over subjects. Writes
bench/results/explain.json and prints tables.
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
# Where waveforms are seen: gains at F, C, O, E1, E2, of the largest.
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
    add("--model", required=True)
    add("--dataset", required=True)
    add("--raw", type=Path, required=True, help="as python -m builders simulate wrote it")
    add("--epochs", type=int, default=60)
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
    found, damaged, left_out = [], [], {"staged otherwise": 0, "no event, or all of it": 0}
    with tqdm(total=args.epochs, unit="epoch") as bar:
        # More than are wanted, since some will be left out.
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
                found += [{"subject": who, "stage": stage, **one} for one in measured]
                for one in damage(model, traces, float(starts_s[row]), stage):
                    damaged.append({"subject": who, "stage": stage, **one})
                done += 1
                bar.update()
    result = {
        "machine": {"device": devices.name(model.model.device), "torch": version("torch")},
        "epochs": len(damaged) // (3 * len(model.spec.lanes)),
        "left_out": left_out,
        "methods": summary(found),
        "stages": {
            stage: summary([one for one in found if one["stage"] == stage])
            for stage in STAGES
            if any(one["stage"] == stage for one in found)
        },
        "damaged_lanes": damage_summary(damaged),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(tables(result))
    return 0


def shuffle(model, seed: int = 0):
    """The same model, the numbers of each of its weights in another order."""
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
    """What was planted in a night: kind, onset and duration in seconds of the record."""
    import pandas as pd

    cohort, recording = night.name.split("/", 1)
    path = raw / "truth" / cohort / f"{recording}.csv"
    if not path.is_file():
        raise errors.InputError(f"{path}: no such file; expected the truth of a simulated cohort")
    return pd.read_csv(path)


def decisive(truth, stage: str, onset_s: float, spec) -> np.ndarray:
    """Which pixels show an event that the stage is scored by, bool of (height, width)."""
    from psgvlm.builders.simulate.waveforms import KINDS

    from psgvlm.images import geometry
    from psgvlm.montages import MODALITY

    mask = np.zeros((spec.height, spec.width), bool)
    lanes, at_s = geometry.pixel_lanes(spec), geometry.pixel_times_s(spec) + onset_s
    stop_s = truth["onset_s"] + truth["duration_s"]
    near = (stop_s > onset_s - 60) & (truth["onset_s"] < onset_s + 60)
    for event in truth[near & truth["kind"].isin(DECISIVE[stage])].itertuples():
        if event.kind == "alpha":  # part of the background, in all of the EEG
            seen = [MODALITY[name] == "EEG" for name in spec.lanes]
        else:
            gains = [KINDS[event.kind].spread[PLACES[n]] if n in PLACES else 0 for n in spec.lanes]
            seen = np.abs(gains) >= SEEN
        first, last = event.onset_s - MARGIN_S, event.onset_s + event.duration_s + MARGIN_S
        mask |= np.isin(lanes, np.flatnonzero(seen)) & (at_s >= first) & (at_s < last)
    return mask


### One epoch


def measure(model, shuffled, images: list, stage: str, mask: np.ndarray, seed: int):
    """A row for each method and baseline, or why the epoch is left out."""
    from psgvlm.explanations import METHODS, explain
    from psgvlm.explanations.blanking import BlankableEpoch
    from psgvlm.explanations.methods import PATCH_PX
    from psgvlm.images import geometry
    from psgvlm.models import inference
    from psgvlm.stages import INDEX

    if not 0 < mask.mean() < 0.95:
        return "no event, or all of it"
    epoch, index = BlankableEpoch(model, images), INDEX[stage]
    if epoch.scores.argmax() != index:
        return "staged otherwise"
    scorer = inference.StageClassifier(model)
    passes = [timed(lambda: list(scorer.probabilities([images]))) for _ in range(6)]
    pass_s = np.median([seconds for _, seconds in passes[1:]])  # the first looks twice
    labels = geometry.pixel_patches(model.spec, PATCH_PX)
    row, column = (x - x.mean() for x in np.indices(mask.shape))
    order = np.random.default_rng(seed).permutation(labels.max() + 1)
    heats = {"random": order[labels], "centre": -np.hypot(row, column)}
    heats["shuffled weights"] = explain(shuffled, images, "ablation", stage).heat
    cost = {}
    for name in METHODS:
        why, seconds = timed(lambda name=name: explain(model, images, name, stage))
        heats[name], cost[name] = why.heat, {"passes": seconds / pass_s, "seconds": seconds}
    found = {name: judge(epoch, index, heat, mask, labels) for name, heat in heats.items()}
    found["random"]["pointing"] = float(mask.mean())  # of any patch, not the one that was drawn
    return [{"method": name, **found[name], **cost.get(name, {})} for name in heats]


def judge(epoch, index: int, heat: np.ndarray, mask: np.ndarray, labels: np.ndarray) -> dict:
    """Pointing, time, deletion and insertion of one heat."""
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
    """How often one of the former is larger than one of the latter; NaN where there are none."""
    if not len(ones) or not len(others):
        return np.nan
    difference = ones[:, None] - others
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def damage(model, traces: list, start_s: float, stage: str) -> list[dict]:
    """Each lane's share of what is lost without a lane, with that lane as it is and damaged."""
    from PIL import Image

    from psgvlm.explanations.blanking import BlankableEpoch
    from psgvlm.images import geometry, raster
    from psgvlm.signals.traces import Trace
    from psgvlm.stages import INDEX

    spec, found = model.spec, []
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
            lost = (epoch.scores[index] - epoch.without(masks)[:, index]).clip(0)
            share = lost[lane] / lost.sum() if lost.sum() else 0.0
            same = float(epoch.scores.argmax() == index)
            found.append({"lane": spec.lanes[lane], "kind": kind, "share": share, "same": same})
    return found


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


### All epochs


def summary(rows: list[dict]) -> dict:
    """Means by method with intervals over subjects; `less`: what random patches have taken off."""
    import pandas as pd

    from psgvlm.explanations.over_corpus import means

    frame, found = pd.DataFrame(rows), {}
    judged = ["pointing", "time", "deletion", "insertion"]
    epochs = frame.groupby("method").cumcount()
    random = frame[frame["method"] == "random"].set_index(epochs[frame["method"] == "random"])
    for name, part in frame.groupby("method", sort=False):
        part = part.set_index(epochs[part.index])
        owner = part.groupby("subject").ngroup().to_numpy()
        found[name] = {}
        for key in judged:
            known = part[key].notna().to_numpy()
            values = {key: part[key][known], "less": (part[key] - random[key])[known]}
            of = means(owner[known], values, seed=0)
            found[name][key] = {**of[key], "less": of["less"]} if of else None
        if part["passes"].notna().all():
            found[name] |= {"passes": part["passes"].median(), "seconds": part["seconds"].median()}
    return found


def damage_summary(rows: list[dict]) -> dict:
    import pandas as pd

    from psgvlm.explanations.over_corpus import means

    found = {}
    for (lane, kind), part in pd.DataFrame(rows).groupby(["lane", "kind"], sort=False):
        owner = part.groupby("subject").ngroup().to_numpy()
        values = {"share": part["share"], "same": part["same"]}
        found.setdefault(lane, {})[kind] = means(owner, values, seed=0)
    return found


def tables(result: dict) -> str:
    from psgvlm.evaluation.report.cells import interval
    from psgvlm.staging.document import Heading, Table, Text, markdown

    def rows(methods):
        for name, of in methods.items():
            cells = [interval(of[k], digits=2) if of[k] else "–" for k in judged]
            cost = f"{of['passes']:.0f} ({of['seconds']:.2f} s)" if "passes" in of else "–"
            yield [name, *cells, cost]

    judged = ("pointing", "time", "deletion", "insertion")
    head = ["heat by", "pointing ↑", "time ↑", "deletion ↓", "insertion ↑", "prompt passes"]
    page = [Text(f"{result['epochs']} epochs; left out: {result['left_out']}")]
    page.append(Table(head, list(rows(result["methods"]))))
    for stage, methods in result["stages"].items():
        page += [Heading(stage, 3), Table(head, list(rows(methods)))]
    page.append(Text("Share of what is lost without a lane, and how often the stage stays"))
    kinds = ("as it is", "flat", "noise")
    cells = [
        [lane, *(interval(of[kind][key], digits=2) for key in ("share", "same") for kind in kinds)]
        for lane, of in result["damaged_lanes"].items()
    ]
    page.append(Table(["lane", *kinds, *(f"stage, {kind}" for kind in kinds)], cells))
    spent = result["methods"]["ablation"]["passes"]
    met = "met" if spent < GOAL_PASSES else "NOT met"
    page.append(Text(f"Ablation: {spent:.0f} prompt passes (goal {GOAL_PASSES}: {met})"))
    return markdown(page)


if __name__ == "__main__":
    errors.run(main)
