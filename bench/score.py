"""Measure the speed of scoring epochs, compared with `generate()` as model cards on the Hub use it.

    make bench-score                            # without a GPU: the project's tiny model and others
    python bench/score.py --device cuda         # SmolVLM-500M, Qwen2.5-VL-3B, LLaVA-NeXT 7B

A model card uses the chat template, `generate` and `decode` for one epoch at a time; we measure
that and the same in batches. `generate` writes as many tokens as a trained model does: the answer
and the end of the turn. With a neighbour on either side, psgvlm is measured with and without its
reuse of encoded images. The reuse saves work of the vision tower, but not of the language model,
which reads all images anyway. All ways have the same model with random weights and the same PNG
images of a simulated night. They take turns, and medians are reported. On a CPU, which may be
shared, ratios are of the CPU time of the process. The script prints a table and writes
bench/results/score.json.
"""

import argparse
import io
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median

os.environ["HF_HUB_OFFLINE"] = "1"

import families  # puts the project on sys.path

RESULTS = families.ROOT / "bench" / "results" / "score.json"
TINY = "psgvlm tiny"
RATIO, REUSE, NIGHT_S = 3.0, 2.0, 30.0  # the goals
NIGHT, BATCH = 960, 32
WAYS = {
    "generate": (0, "generate, one epoch at a time"),
    "generate_batch": (0, f"generate, {BATCH} epochs at a time"),
    "ours": (0, "psgvlm"),
    "no_reuse": (1, "psgvlm, a neighbour on either side, no reuse"),
    "reuse": (1, "psgvlm, a neighbour on either side"),
}


def main(words: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="the device; default: cpu"
    )
    parser.add_argument(
        "--models", nargs="+", choices=[TINY, *families.FAMILIES], help="default: all"
    )
    parser.add_argument(
        "--epochs", type=int, default=96, help="epochs for each way and round; default: 96"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds to measure; default: 3")
    parser.add_argument("--night", type=int, default=NIGHT, help="epochs of a night; default: 960")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, help="JSON to write; default: bench/results/score.json"
    )
    args = parser.parse_args(words)

    import torch
    import transformers

    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error(
            "--device cuda: torch finds no GPU; leave it out to run tiny models on the CPU"
        )
    transformers.logging.set_verbosity_error()
    load, models = os.getloadavg()[0], {}
    for name in args.models or [TINY] * (args.device == "cpu") + [*families.FAMILIES]:
        print(name, file=sys.stderr)
        models[name] = measured(name, args)
    results = {
        "device": torch.cuda.get_device_name() if args.device == "cuda" else "CPU",
        "shapes": "real" if args.device == "cuda" else "tiny",
        **{"threads": torch.get_num_threads(), "load_before": round(load, 2)},
        **{"epochs": args.epochs, "rounds": args.rounds, "batch": BATCH, "models": models},
        "libraries": {name: version(name) for name in ("torch", "transformers")},
    }
    args.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    print(table(results))
    return results


def measured(name: str, args) -> dict:
    """Return epochs per second of every way, ratios, and for the tiny model the time of a night."""
    from psgvlm.models.vlm import StagingModel

    model, processor, spec = build(name, args.device)
    taken, night = defaultdict(list), pictures(spec, args.epochs)
    ways = {
        way: Way(way, StagingModel(model, processor, spec, neighbours))
        for way, (neighbours, _) in WAYS.items()
    }
    for number in range(1 + args.rounds):
        for way in ways.values():
            few = night if number else night[: BATCH // 4]  # the first round warms up
            spent = timed(way, few, args.device)
            if number:
                taken[way.name].append(spent)
    figures = {
        way: {
            "epochs_per_s": round(args.epochs / median(wall_s for wall_s, _ in spent), 2),
            "epochs_per_cpu_s": round(args.epochs / median(cpu_s for _, cpu_s in spent), 2),
        }
        for way, spent in taken.items()
    }
    clock = 1 if args.device == "cpu" else 0
    cost = {way: median(spent[clock] for spent in rounds) for way, rounds in taken.items()}
    figures["ratio"] = round(cost["generate"] / cost["ours"], 2)
    figures["ratio_batch"] = round(cost["generate_batch"] / cost["ours"], 2)
    figures["ratio_reuse"] = round(cost["no_reuse"] / cost["reuse"], 2)
    if name == TINY:
        wall_s, cpu_s = timed(ways["ours"], pictures(spec, args.night), args.device)
        figures["night"] = {"epochs": args.night, "s": round(wall_s, 2), "cpu_s": round(cpu_s, 2)}
    return figures


def build(name: str, device: str):
    """Return a model with random weights, its processor and its image spec."""
    from psgvlm.image_spec import PRESETS
    from psgvlm.models.tiny import build_tiny

    spec = PRESETS["folded" if name == TINY else families.IMAGE[name]]
    made = build_tiny(spec) if name == TINY else families.build(name, device, "sdpa")
    model, processor = made
    return model.eval(), processor, spec


def pictures(spec, count: int) -> list[bytes]:
    """Return the images of the first epochs of a simulated night as PNG files."""
    import numpy as np
    from psgvlm.builders.simulate.night import simulate_night

    from psgvlm.images import raster
    from psgvlm.signals.traces import Trace

    night = simulate_night(0, max(count / 120, 0.25), 100.0)
    recorded = {"E1": "E1-M2", "E2": "E2-M1"}
    signals = [night.signals.get(recorded.get(lane, lane)) for lane in spec.lanes]
    traces = [None if uv is None else Trace(uv.astype(np.float32), 100.0) for uv in signals]
    drawn = raster.draw(traces, spec, 30.0 * np.arange(count))
    return [raster.to_png(image, spec) for image in drawn]


### The ways


class Way:
    """One of `WAYS` to answer for epochs, prepared for a model."""

    def __init__(self, name: str, model):
        from psgvlm.models import inference

        self.name, self.model = name, model
        self.scorer = inference.StageClassifier(model, BATCH, lockstep=name == "no_reuse")
        self.tokens = 1 + max(map(len, self.scorer.answers))

    def answers(self, night: list[bytes]) -> Iterator:
        """Yield an answer for each epoch: a text, or probabilities."""
        from psgvlm.nights import neighbours

        if self.name.startswith("generate"):
            size = BATCH if self.name == "generate_batch" else 1
            for at in range(0, len(night), size):
                yield from self.generate(list(decoded(night[at : at + size])))
        else:
            pictures = (image for (image,) in decoded(night))
            epochs = neighbours.around(pictures, self.model.spec, self.model.neighbours)
            yield from self.scorer.probabilities(epochs)

    def generate(self, epochs: list[list]) -> list[str]:
        """Generate answers as the model cards of SmolVLM, Qwen2.5-VL and LLaVA-NeXT do."""
        import torch

        from psgvlm import chat

        model, processor = self.model.model, self.model.processor
        turns = []
        for (image,) in epochs:
            (message,) = chat.prompt(self.model.spec.prompt)
            picture, text = message["content"]
            turns.append([{**message, "content": [{**picture, "image": image}, text]}])
        padding = {"padding": True, "padding_side": "left"}
        inputs = processor.apply_chat_template(
            turns,
            **{"add_generation_prompt": True, "tokenize": True, "return_dict": True},
            **{"return_tensors": "pt", "processor_kwargs": padding},
        ).to(model.device, model.dtype)
        length = {"min_new_tokens": self.tokens, "max_new_tokens": self.tokens}
        with torch.inference_mode():
            tokens = model.generate(**inputs, do_sample=False, **length)
        answers = tokens[:, inputs["input_ids"].shape[1] :]
        return processor.batch_decode(answers, skip_special_tokens=True)


def timed(way: Way, night: list[bytes], device: str) -> tuple[float, float]:
    """Return the wall and CPU seconds of all epochs, including the decoding of their images."""
    import torch

    wall_s, cpu_s = time.perf_counter(), time.process_time()
    count = sum(1 for _ in way.answers(night))
    if device == "cuda":
        torch.cuda.synchronize()
    assert count == len(night)
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def decoded(night: list[bytes]) -> Iterator[list]:
    from PIL import Image

    for png in night:
        yield [Image.open(io.BytesIO(png)).convert("RGB")]


### Reporting


def table(results: dict) -> str:
    """Return the table of epochs per second and ratios, in Markdown."""
    rate = "epochs_per_cpu_s" if results["device"] == "CPU" else "epochs_per_s"
    unit = "CPU second" if results["device"] == "CPU" else "second"
    lines = [f"{results['device']}, {results['shapes']} shapes; epochs per {unit}", ""]
    names = list(results["models"])
    lines += [f"| | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    for way, (_, what) in WAYS.items():
        cells = [f"{results['models'][name][way][rate]:.1f}" for name in names]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    for ratio, what, goal in (
        ("ratio", "over generate, one at a time", RATIO),
        ("ratio_batch", "over generate, in batches", None),
        ("ratio_reuse", "reuse over none", REUSE),
    ):
        cells = []
        for name in names:
            value = results["models"][name][ratio]
            missed = " (missed)" if goal and value < goal else ""
            cells.append(f"{value:.2f}{missed}")
        with_goal = f"; goal {goal:g}" if goal else ""
        lines.append(f"| ratio: {what}{with_goal} | {' | '.join(cells)} |")
    for model in results["models"].values():
        if night := model.get("night"):
            missed = ", missed" if night["s"] > NIGHT_S else ""
            lines.append(
                f"\na night of {night['epochs']} epochs: {night['s']:.1f} s with "
                f"{results['threads']} threads (goal {NIGHT_S:g} s{missed})"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
