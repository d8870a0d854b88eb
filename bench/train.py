"""Measure the speed of training, compared with TRL's own script with the same settings.

    make bench-train                            # without a GPU: tiny models, minutes
    python bench/train.py --device cuda         # SmolVLM-500M, Qwen2.5-VL-3B, LLaVA-NeXT 7B

The plain way is what `trl/scripts/sft.py` does: `load_dataset`, and `SFTTrainer` with its own
collator. Both ways train the same random weights with LoRA of rank 16 on the language model, on a
simulated corpus that the builder wrote. Each round has a new model, the ways take turns, and
medians are printed. The first steps do not count. On a CPU the ratio is of the CPU time of the
process.

The work of a row is counted in FLOPs: for every weight of a linear or patch layer and every
position that it is applied to, 2 forward, 2 more backward if the input has a gradient, and 2 more
if the weight is trained. So a frozen matrix costs 4 in the language model and 2 in the vision
tower, and a matrix of LoRA costs 6. Not counted are the output layer, which sees only the answer,
the products inside attention, and what checkpointing computes again. So the share of the device's
peak is a lower bound. The script prints tables and writes bench/results/train-<machine kind>.json.
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

import families  # puts the project on sys.path

ROOT = families.ROOT
RATIO, PEAK, WAITING = 1.3, ("qwen2_5_vl_3b", 0.40), 0.05  # the goals
WARM_UP, ROUNDS = 3, 3
WAYS = ("ours", "plain")
SETTING = ("family", "batch", "checkpointing", "attention", "workers")
PLAIN_FIGURES = ("images_per_s", "peak_gib")
OUR_FIGURES = (*PLAIN_FIGURES, "tokens_per_s", "waiting_share")
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
# Dense bfloat16 in TFLOP/s, from NVIDIA's data sheets (half of the values with sparsity).
PEAKS_TFLOPS = {"H100 PCIe": 756, "H100 NVL": 835, "H100": 989, "H200": 989, "A100": 312}
# How many epochs the subjects in arXiv 2509.22810 have, 80 % of which it trains on, and how many
# passes it makes, as its public peer reviews quote it.
COHORTS = {"ISRUC": (25_000, 3), "MASS": (41_000, 3), "SHHS": (315_000, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="the device; default: cpu"
    )
    parser.add_argument(
        "--families",
        nargs="+",
        choices=families.FAMILIES,
        default=[*families.FAMILIES],
        help="the models to train; default: all",
    )
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[8], help="batch sizes to measure; default: 8"
    )
    parser.add_argument("--steps", type=int, default=12, help="steps to measure; default: 12")
    parser.add_argument(
        "--workers", type=int, default=2, help="processes of the DataLoader; default: 2"
    )
    parser.add_argument(
        "--price-per-hour", type=float, help="price of the device per hour, in any currency"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["HF_DATASETS_CACHE"] = temporary  # before it is imported
        import datasets
        import torch
        import transformers

        cuda, load = args.device == "cuda", os.getloadavg()[0]
        if cuda and not torch.cuda.is_available():
            parser.error(
                "--device cuda: torch finds no GPU; leave it out to run tiny models on the CPU"
            )
        if not cuda:
            print("no GPU: tiny models run on the CPU, and the figures say nothing about GPUs")
        datasets.disable_progress_bars()
        transformers.logging.set_verbosity_error()
        rows = measured(args, Path(temporary))
    device = torch.cuda.get_device_name() if cuda else "CPU"
    for row in rows:
        row |= derived(row, device)
    report(rows, device, args)
    write(rows, device, load, args)


def measured(args, work: Path) -> list[dict]:
    """Return a row of figures for each family, batch size and setting."""
    images = {families.IMAGE[family] for family in args.families}
    corpora = {image: build_corpus(work, image) for image in sorted(images)}
    rows = []
    for family in args.families:
        corpus = corpora[families.IMAGE[family]]
        for batch in args.batch:
            for setting in settings(args):
                print(family, batch, setting, file=sys.stderr)
                rounds = {way: [] for way in WAYS}
                for _ in range(ROUNDS):
                    for way in WAYS:
                        rounds[way].append(run(way, family, corpus, batch, setting, args, work))
                row = {"family": family, "batch": batch, **setting}
                rows.append(row | {way: medians(rounds[way]) for way in WAYS})
    return rows


def settings(args) -> list[dict]:
    """Return the settings: with and without checkpointing; no workers; the other attentions."""
    first = {"checkpointing": True, "attention": "sdpa", "workers": args.workers}
    others = ["eager"] + ["flash_attention_2"] * bool(find_spec("flash_attn"))
    return [
        *(first, first | {"checkpointing": False}, first | {"workers": 0}),
        *(first | {"attention": attention} for attention in others),
    ]


def build_corpus(work: Path, image: str) -> Path:
    """Build a corpus of eight simulated subjects of one hour in the layout of SHHS."""
    raw, corpus = work / "raw", work / image
    simulate = ("simulate", raw, "--cohorts", "shhs", "--subjects", 8, "--hours", 1)
    build = ("shhs", raw / "shhs", "--out", corpus, "--image", image)
    for words in [build] if raw.exists() else [simulate, build]:
        command = [sys.executable, "-m", "builders", *map(str, words)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return corpus


### One run


def run(way, family, corpus, batch, setting, args, work) -> dict | None:
    """Return the figures of a few steps with a new model; None if memory was too small."""
    import torch

    from psgvlm.errors import InputError

    gc.collect()  # frees the model of the run before
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
    """Return the trainer of `train_sft.py` or of TRL's script, with the same configuration."""
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
    """Train, and return the figures of the steps after `WARM_UP`."""
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
    """Count the FLOPs, forward and backward, of the layers that a forward pass uses, by name."""
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


### Reporting


def medians(rounds: list[dict | None]) -> dict | None:
    """Return the median of each figure; None if a round had too little memory."""
    if None in rounds:
        return None
    return {name: round(median(figures[name] for figures in rounds), 3) for name in rounds[0]}


def derived(row: dict, device: str) -> dict:
    """Return the ratio of our speed to the plain way's, and the share of the device's peak.

    A figure is None if something it needs is not known. A CPU may be shared, so there the ways are
    compared by the CPU time of the process.
    """
    ours, plain = row["ours"], row["plain"]
    rate = "images_per_cpu_s" if device == "CPU" else "images_per_s"
    ratio = ours and plain and round(ours[rate] / plain[rate], 3)
    peak = next((peak for name, peak in PEAKS_TFLOPS.items() if name in device), None)
    share = ours and peak and ours["images_per_s"] * ours["gflop_per_image"] / 1e3 / peak
    return {"ratio": ratio, "peak_share": share and round(share, 4)}


def hours(images_per_s: float) -> dict[str, float]:
    """Return the hours of training on the cohorts of the paper with its number of passes."""
    return {name: 0.8 * n * passes / images_per_s / 3600 for name, (n, passes) in COHORTS.items()}


def goals(rows: list[dict], device: str) -> list[str]:
    """Return a line for each goal: the value, and whether it is met, NOT met or not measured."""
    on_gpu = [row for row in rows if device != "CPU"]
    family, least = PEAK
    ratio = min((row["ratio"] for row in on_gpu if row["ratio"]), default=None)
    shares = (row["peak_share"] or 0 for row in on_gpu if row["family"] == family)
    waits = (row["ours"]["waiting_share"] for row in rows if row["ours"] and row["workers"])
    share, wait = max(shares, default=None) or None, max(waits, default=None)
    checks = (
        (f"at least {RATIO} times the plain way, in every row", ratio, ratio and ratio >= RATIO),
        (f"at least {least:.0%} of the peak, {family} at best", share, share and share >= least),
        (f"at most {WAITING:.0%} waiting with loader workers", wait, wait and wait <= WAITING),
    )
    results = {True: "met", False: "NOT met", None: "not measured"}
    return [f"goal, {name}: {value}: {results[met]}" for name, value, met in checks]


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
    import render  # at the end, since it sets one thread per process

    machine = render.machine() | {"device": device}
    machine["libraries"] = {name: version(name) for name in LIBRARIES}
    kind = re.sub(r"[^a-z0-9]+", "-", machine["cpu" if device == "CPU" else "device"].lower())
    results = {"machine": machine, "models": "tiny" if device == "CPU" else "real shapes"}
    results |= {"load_before": round(load, 2), "rounds": ROUNDS, "steps": args.steps, "rows": rows}
    path = ROOT / "bench" / "results" / f"train-{kind.strip('-')}.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\n{path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
