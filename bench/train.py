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
SETTING = ("family", "batch", "checkpointing", "attention", "workers")
PLAIN_FIGURES = ("images_per_s", "peak_gib")
OUR_FIGURES = (*PLAIN_FIGURES, "tokens_per_s", "waiting_share")
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
# Dense bfloat16, TFLOP/s, from NVIDIA's data sheets (half of what they give with sparsity).
PEAKS_TFLOPS = {"H100 PCIe": 756, "H100 NVL": 835, "H100": 989, "H200": 989, "A100": 312}
# Epochs of the subjects that arXiv 2509.22810 used, 80 % of them to train on, and how often it goes
# through them; as its public peer reviews quote it.
COHORTS = {"ISRUC": (25_000, 3), "MASS": (41_000, 3), "SHHS": (315_000, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--families", nargs="+", choices=families.FAMILIES, default=[*families.FAMILIES]
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[8])
    parser.add_argument("--steps", type=int, default=12, help="that are timed")
    parser.add_argument("--workers", type=int, default=2, help="of the loader")
    parser.add_argument("--price-per-hour", type=float, help="of the device, in any currency")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["HF_DATASETS_CACHE"] = temporary  # before it is imported
        import datasets
        import torch
        import transformers

        cuda, load = args.device == "cuda", os.getloadavg()[0]
        if cuda and not torch.cuda.is_available():
            parser.error("--device cuda: torch finds none; without --device tiny models are run")
        if not cuda:
            print("no accelerator: tiny models on the CPU; what follows says nothing about GPUs")
        datasets.disable_progress_bars()
        transformers.logging.set_verbosity_error()
        rows = measured(args, Path(temporary))
    device = torch.cuda.get_device_name() if cuda else "CPU"
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

    gc.collect()  # the last run's model
    cuda = args.device == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    model, processor = families.build(family, args.device, setting["attention"])
    try:
        trainer = make_trainer(way, model, processor, corpus, batch, setting, args, work)
        return timed(trainer, way, batch, cuda)
    except (InputError, torch.OutOfMemoryError) as error:
        if "out of memory" not in str(error):
            raise
        return None


def make_trainer(way, model, processor, corpus, batch, setting, args, work):
    """The trainer of `train_sft.py`, or that of TRL's script, with one configuration for both."""
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from psgvlm.corpus import loading
    from psgvlm.hub import repo_files
    from psgvlm.models import vlm
    from psgvlm.training import trained_parts
    from psgvlm.training.sampling import BalancedSampler
    from psgvlm.training.trainer import StagingTrainer

    cuda, workers = args.device == "cuda", setting["workers"]
    config = SFTConfig(
        **{"output_dir": str(work / "run"), "max_steps": WARM_UP + args.steps, "seed": 0},
        **{"per_device_train_batch_size": batch, "max_length": None, "learning_rate": 1e-4},
        **{"activation_checkpointing": setting["checkpointing"], "bf16": cuda, "use_cpu": not cuda},
        **{"dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0},
        **{"dataloader_pin_memory": cuda, "save_strategy": "no", "report_to": "none"},
        **{"disable_tqdm": True, "logging_strategy": "no"},
    )
    targets = trained_parts.ModelParts(model).linear_layers({"language"})
    adapter = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=targets)
    options = {"args": config, "peft_config": adapter}
    if way == "plain":
        rows = load_dataset(str(corpus), "shhs")["train"]
        return SFTTrainer(model, processing_class=processor, train_dataset=rows, **options)
    rows = loading.load_split(str(corpus), "train", "shhs")
    vlm.end_turns(processor, vlm.turn_ends(model, processor))
    spec = repo_files.load_image_spec(corpus, "dataset")
    order = BalancedSampler(rows["stage"])
    return StagingTrainer(model, processor, spec, order, train_dataset=rows, **options)


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
        row = trainer._prepare_inputs(trainer.data_collator([trainer.train_dataset[0]]))
        with counted(trainer.model) as work, trainer.compute_loss_context_manager():
            trainer.compute_loss(trainer.model, row)
        figures["gflop_per_image"] = sum(work.values()) / 1e9
    return figures


@contextmanager
def counted(model):
    """Inside, FLOPs of forward and backward of the layers that a forward passes, by their name."""
    from torch.nn import Conv2d, Conv3d, Linear

    work = {}

    def count(layer, inputs, output):
        positions = output.numel() // layer.weight.shape[0]
        passes = 1 + inputs[0].requires_grad + layer.weight.requires_grad
        name = names[layer]
        work[name] = work.get(name, 0) + 2 * passes * positions * layer.weight.numel()

    layers = (Linear, Conv2d, Conv3d)
    names = {layer: name for name, layer in model.named_modules() if isinstance(layer, layers)}
    hooks = [layer.register_forward_hook(count) for layer in names]
    try:
        yield work
    finally:
        for hook in hooks:
            hook.remove()


### Telling


def medians(rounds: list[dict | None]) -> dict | None:
    if None in rounds:
        return None
    return {name: round(median(found[name] for found in rounds), 3) for name in rounds[0]}


def derived(row: dict, device: str) -> dict:
    """Ours over plain, and the share of the device's peak; `None` where something is not known.

    A CPU is shared: there the ways are compared by the CPU time of the process that trains.
    """
    ours, plain = row["ours"], row["plain"]
    rate = "images_per_cpu_s" if device == "CPU" else "images_per_s"
    ratio = ours and plain and round(ours[rate] / plain[rate], 3)
    peak = next((peak for name, peak in PEAKS_TFLOPS.items() if name in device), None)
    share = ours and peak and ours["images_per_s"] * ours["gflop_per_image"] / 1e3 / peak
    return {"ratio": ratio, "peak_share": share and round(share, 4)}


def hours(images_per_s: float) -> dict[str, float]:
    """Of training on the paper's cohorts, as it does."""
    return {name: 0.8 * n * passes / images_per_s / 3600 for name, (n, passes) in COHORTS.items()}


def goals(rows: list[dict], device: str) -> list[str]:
    """Each goal with what was found of it: met, NOT met, or not measured."""
    on_gpu = [row for row in rows if device != "CPU"]
    family, least = PEAK
    ratio = min((row["ratio"] for row in on_gpu if row["ratio"]), default=None)
    shares = (row["peak_share"] or 0 for row in on_gpu if row["family"] == family)
    waits = (row["ours"]["waiting_share"] for row in rows if row["ours"] and row["workers"])
    share, wait = max(shares, default=None) or None, max(waits, default=None)
    found = (
        (f"at least {RATIO} times the plain way, in every row", ratio, ratio and ratio >= RATIO),
        (f"at least {least:.0%} of the peak, {family} at best", share, share and share >= least),
        (f"at most {WAITING:.0%} waiting with loader workers", wait, wait and wait <= WAITING),
    )
    results = {True: "met", False: "NOT met", None: "not measured"}
    return [f"goal, {name}: {value}: {results[met]}" for name, value, met in found]


def report(rows: list[dict], device: str, args) -> None:
    print(f"\n{device}; medians of {ROUNDS} rounds of {args.steps} steps\n")
    for index, row in enumerate(rows):
        cells = {name: row[name] for name in SETTING} | {"ratio": row["ratio"]}
        for way, names in (("ours", OUR_FIGURES), ("plain", PLAIN_FIGURES)):
            lost = dict.fromkeys(names, "out of memory")
            cells |= {f"{way} {name}": (row[way] or lost).get(name) for name in names}
        cells["share of peak"] = row["peak_share"]
        if not index:
            print(f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}")
        print(f"| {' | '.join('-' if cell is None else str(cell) for cell in cells.values())} |")
    print("\n".join(goals(rows, device)))
    for family in args.families if device != "CPU" else ():
        fit = [row["ours"] for row in rows if row["family"] == family and row["ours"]]
        best = max((ours["images_per_s"] for ours in fit), default=None)
        for cohort, h in hours(best).items() if best else ():
            price = f", {h * args.price_per_hour:.2f} at the price" if args.price_per_hour else ""
            print(f"{family} at {best} images/s, {cohort} as in the paper: {h:.2f} h{price}")


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
