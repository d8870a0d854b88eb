"""What training costs: this project's trainer against TRL's own script, with the same settings.

    make bench-train                            # without a GPU: tiny models, minutes
    python bench/train.py --device cuda         # SmolVLM-500M, Qwen2.5-VL-3B, LLaVA-NeXT 7B

The plain way is what `trl/scripts/sft.py` does: `load_dataset`, `SFTTrainer` with its own collator.
Both train the same random weights with LoRA of rank 16 on the language model, from a simulated
corpus that the builder wrote; a new model in every round, the ways take turns, medians are printed.
The first steps do not count. On a CPU the ratio is that of the training process's CPU time.

Work of a row: 2 FLOPs forward for every weight of a linear or patch layer at every position it is
applied to, 2 more backward where the input has a gradient, 2 more where the weight is trained. So
a frozen matrix of the language model costs 4, of the vision tower 2, LoRA's 6. The output layer,
which sees the answer alone, attention's own products, and what checkpointing computes again are not
counted: the share of the device's peak is a lower bound.
Prints tables and writes bench/results/train-<machine kind>.json.
"""

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

os.environ["HF_HUB_OFFLINE"] = "1"

import families  # puts the project in the path

ROOT = families.ROOT
RATIO, PEAK, WAITING = 1.3, ("qwen2_5_vl_3b", 0.40), 0.05  # the goals
WARM_UP, ROUNDS = 3, 3
WAYS = ("ours", "plain")
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
# Dense bfloat16, TFLOP/s, from NVIDIA's data sheets (half of what they give with sparsity).
PEAKS_TFLOPS = {
    **{"H100 PCIe": 756, "H100 NVL": 835, "H100": 989, "H200": 989},
    **{"A100": 312, "L40S": 362},
}
# Epochs of the subjects that arXiv 2509.22810 used, 80 % of them to train on, and how often it goes
# through them; as its public peer reviews quote it.
COHORTS = {"ISRUC": (25_000, 3), "MASS": (41_000, 3), "SHHS": (315_000, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--families", nargs="+", default=[*families.FAMILIES])
    parser.add_argument("--batch", type=int, nargs="+", default=[8])
    parser.add_argument("--steps", type=int, default=12, help="that are timed")
    parser.add_argument("--workers", type=int, default=2, help="of the loader")
    parser.add_argument("--price-per-hour", type=float, help="of the device, in any currency")
    args = parser.parse_args()
    if unknown := set(args.families) - set(families.FAMILIES):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {[*families.FAMILIES]}")
    import datasets
    import torch
    import transformers

    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds none; without --device tiny models are run")
    if args.device == "cpu":
        print("no accelerator: tiny models on the CPU; what follows says nothing about GPUs")
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["HF_DATASETS_CACHE"] = str(Path(temporary) / "datasets")
        rows = measured(args, Path(temporary))
    device = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    for row in rows:
        row |= derived(row, device)
    report(rows, device, args)
    write(rows, device, load, args)


def measured(args, work: Path) -> list[dict]:
    """A row of figures for each family, batch and setting."""
    images = {families.IMAGE[family] for family in args.families}
    corpora = {image: build_corpus(work, image) for image in sorted(images)}
    rows = []
    for family in args.families:
        corpus = corpora[families.IMAGE[family]]
        for batch in args.batch:
            for setting in settings(args):
                print(family, batch, setting, file=sys.stderr)
                found = {way: [] for way in WAYS}
                for _ in range(ROUNDS):
                    for way in WAYS:
                        found[way].append(run(way, family, corpus, batch, setting, args, work))
                row = {"family": family, "batch": batch, **setting}
                rows.append(row | {way: medians(found[way]) for way in WAYS})
    return rows


def settings(args) -> list[dict]:
    """Checkpointing on and off; then, with it, no loader workers and the other attentions."""
    first = {"checkpointing": True, "attention": "sdpa", "workers": args.workers}
    others = ["eager"] + ["flash_attention_2"] * bool(find_spec("flash_attn"))
    return [
        *(first, first | {"checkpointing": False}, first | {"workers": 0}),
        *(first | {"attention": attention} for attention in others),
    ]


def build_corpus(work: Path, image: str) -> Path:
    """Eight simulated subjects of an hour in SHHS's layout, through the builder."""
    raw, corpus = work / "raw", work / image
    simulate = ("simulate", raw, "--cohorts", "shhs", "--subjects", 8, "--hours", 1)
    build = ("shhs", raw / "shhs", "--out", corpus, "--image", image)
    for words in [build] if raw.exists() else [simulate, build]:
        command = [sys.executable, "-m", "builders", *map(str, words)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return corpus


### One run


def run(way, family, corpus, batch, setting, args, work) -> dict | None:
    """Figures of a few steps with a new model; `None` where the device's memory was too small."""
    import torch

    from psgvlm.errors import InputError

    model, processor = families.build(family, args.device, setting["attention"])
    cuda = args.device == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    try:
        trainer = make_trainer(way, model, processor, corpus, batch, setting, args, work)
        return timed(trainer, way, batch, cuda)
    except (InputError, torch.OutOfMemoryError) as error:
        if "out of memory" not in str(error):
            raise
        return None
    finally:
        del model
        gc.collect()
        if cuda:
            torch.cuda.empty_cache()


def make_trainer(way, model, processor, corpus, batch, setting, args, work):
    """The trainer of `train_sft.py`, or that of TRL's script, with one configuration for both."""
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from psgvlm import training, tuning, vlm
    from psgvlm.trainer import StagingTrainer

    cuda, workers = args.device == "cuda", setting["workers"]
    config = SFTConfig(
        **{"output_dir": str(work / "run"), "max_steps": WARM_UP + args.steps, "seed": 0},
        **{"per_device_train_batch_size": batch, "max_length": None, "learning_rate": 1e-4},
        **{"activation_checkpointing": setting["checkpointing"], "bf16": cuda, "use_cpu": not cuda},
        **{"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0},
        **{"dataloader_pin_memory": cuda, "save_strategy": "no", "report_to": "none"},
        **{"disable_tqdm": True, "logging_strategy": "no"},
    )
    targets = tuning.Anatomy(model).linear_layers({"language"})
    adapter = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=targets)
    options = {"args": config, "peft_config": adapter}
    if way == "plain":
        rows = load_dataset(str(corpus), "shhs")["train"]
        return SFTTrainer(model, processing_class=processor, train_dataset=rows, **options)
    rows = training.balanced(training.load_split(str(corpus), "train", "shhs"), "none", 0)
    vlm.end_turns(processor, vlm.turn_ends(model, processor))
    spec = vlm.load_spec(str(corpus), "dataset")
    return StagingTrainer(model, processor, spec, train_dataset=rows, **options)


def timed(trainer, way: str, batch: int, cuda: bool) -> dict:
    """Train; figures of the steps after `WARM_UP`."""
    import torch
    from transformers import PrinterCallback, TrainerCallback

    marks = []

    class Clock(TrainerCallback):
        def on_step_end(self, _, state, control, **__):
            if state.global_step in (WARM_UP, state.max_steps):
                if cuda:
                    torch.cuda.synchronize()
                waited_s = trainer.meters["run"].waited_s if way == "ours" else 0.0
                tokens, cpu_s = trainer._total_train_tokens, time.process_time()
                marks.append((time.perf_counter(), cpu_s, tokens, waited_s))

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Clock())
    trainer.train()
    seconds, cpu_s, tokens, waited_s = (end - start for start, end in zip(*marks, strict=True))
    images = batch * (trainer.args.max_steps - WARM_UP)
    figures = {"images_per_s": images / seconds, "tokens_per_s": tokens / seconds}
    figures["images_per_cpu_s"] = images / cpu_s
    if cuda:
        figures["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    if way == "ours":
        figures["waiting_share"] = waited_s / seconds
        rows = [trainer.train_dataset[0]]
        with counted(trainer.model) as work:
            trainer.compute_loss(
                trainer.model, trainer._prepare_inputs(trainer.data_collator(rows))
            )
        figures["gflop_per_image"] = sum(work.values()) / 1e9
    return figures


@contextmanager
def counted(model):
    """Inside, FLOPs of forward and backward of the layers that a forward passes, by their name."""
    from torch.nn import Conv2d, Conv3d, Linear

    work = {}

    def count(name):
        def hook(layer, inputs, output):
            positions = output.numel() // layer.weight.shape[0]
            passes = 1 + inputs[0].requires_grad + layer.weight.requires_grad
            flops = 2 * passes * positions * layer.weight.numel()
            work[name] = work.get(name, 0) + flops

        return hook

    hooks = [
        layer.register_forward_hook(count(name))
        for name, layer in model.named_modules()
        if isinstance(layer, Linear | Conv2d | Conv3d)
    ]
    try:
        yield work
    finally:
        for hook in hooks:
            hook.remove()


def medians(rounds: list[dict | None]) -> dict | None:
    if None in rounds:
        return None
    return {name: round(median(found[name] for found in rounds), 3) for name in rounds[0]}


### Telling


def peak_share(images_per_s: float, gflop_per_image: float, device: str) -> float | None:
    """Of the device's matrix peak; `None` where that is not known."""
    peak = next((peak for name, peak in PEAKS_TFLOPS.items() if name in device), None)
    return peak and images_per_s * gflop_per_image / 1e3 / peak


def hours(images_per_s: float) -> dict[str, float]:
    """Of training on the paper's cohorts, as it does."""
    return {
        name: 0.8 * epochs * passes / images_per_s / 3600
        for name, (epochs, passes) in COHORTS.items()
    }


def derived(row: dict, device: str) -> dict:
    """Ours over plain, and the share of the device's peak; `None` where something is not known.

    A CPU is shared: there the ways are compared by the CPU time of the process that trains.
    """
    ours, plain = row["ours"], row["plain"]
    share = ours and peak_share(ours["images_per_s"], ours["gflop_per_image"], device)
    rate = "images_per_cpu_s" if device == "CPU" else "images_per_s"
    ratio = ours and plain and ours[rate] / plain[rate]
    return {"ratio": ratio and round(ratio, 3), "peak_share": share and round(share, 4)}


HEAD = (
    *("family", "batch", "checkpointing", "attention", "workers", "ours, images/s"),
    *("plain, images/s", "ratio", "waiting for data", "tokens/s", "share of peak", "GiB, plain"),
)


def report(rows: list[dict], device: str, args) -> None:
    print(f"\n{device}; medians of {ROUNDS} rounds of {args.steps} steps\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * 5}{'---:|' * (len(HEAD) - 5)}")
    for row in rows:
        ours, plain = row["ours"] or {}, row["plain"] or {}
        cells = [row["family"], row["batch"], "on" if row["checkpointing"] else "off"]
        cells += [row["attention"], row["workers"]]
        cells += [way.get("images_per_s", "out of memory") for way in (ours, plain)]
        cells += [row["ratio"], ours.get("waiting_share"), ours.get("tokens_per_s")]
        cells += [row["peak_share"], f"{ours.get('peak_gib', '-')}, {plain.get('peak_gib', '-')}"]
        print(f"| {' | '.join('-' if cell is None else str(cell) for cell in cells)} |")
    for line in goals(rows, device):
        print(line)
    for family in args.families if args.device == "cuda" else ():
        best = max((row["ours"]["images_per_s"] for row in rows
                    if row["family"] == family and row["ours"]), default=None)  # fmt: skip
        for cohort, h in hours(best).items() if best else ():
            price = f", {h * args.price_per_hour:.2f} at the price" if args.price_per_hour else ""
            print(f"{family} at {best} images/s, {cohort} as in the paper: {h:.2f} h{price}")


def goals(rows: list[dict], device: str) -> list[str]:
    """Each goal with what was found of it: met, NOT met, or not measured."""
    on_gpu = [row for row in rows if device != "CPU"]
    family, least = PEAK
    ratios = [row["ratio"] for row in on_gpu if row["ratio"]]
    shares = [row["peak_share"] for row in on_gpu if row["family"] == family and row["peak_share"]]
    waits = [row["ours"]["waiting_share"] for row in rows if row["ours"] and row["workers"]]
    found = (
        (f"at least {RATIO} times the plain way, in every row", min(ratios, default=None), RATIO),
        (f"at least {least:.0%} of the peak, {family} at best", max(shares, default=None), least),
        (f"at most {WAITING:.0%} waiting with loader workers", max(waits, default=None), WAITING),
    )
    told = []
    for name, value, goal in found:
        met = value is not None and (value <= goal if goal == WAITING else value >= goal)
        result = "not measured" if value is None else f"{value}: {'met' if met else 'NOT met'}"
        told.append(f"goal, {name}: {result}")
    return told


def write(rows: list[dict], device: str, load: float, args) -> None:
    import render  # last: it sets one thread a process

    machine = render.machine() | {"device": device}
    machine["libraries"] = {name: version(name) for name in LIBRARIES}
    kind = re.sub(r"[^a-z0-9]+", "-", machine["cpu" if device == "CPU" else "device"].lower())
    found = {"machine": machine, "models": "tiny" if device == "CPU" else "real shapes"}
    found |= {"load_before": round(load, 2), "rounds": ROUNDS, "steps": args.steps, "rows": rows}
    path = ROOT / "bench" / "results" / f"train-{kind.strip('-')}.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
