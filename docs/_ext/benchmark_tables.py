"""Tables in Markdown from the figures in bench/results."""

import json
from pathlib import Path
from statistics import mean

RESULTS = Path(__file__).parents[2] / "bench" / "results"


def read(name: str) -> dict:
    """Return the figures that a benchmark wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def table(head: list[str], rows: list[list[str]], numbers: int = 0) -> str:
    """Return a Markdown table whose last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    lines = [head, rules, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


CONTENDERS = {
    "adapter": "psgvlm",
    "yasa": "yasa",
    "vision-only": "linear probe on psgvlm's vision tower",
    "majority": "most frequent stage",
}


def kappa_with_interval(cell: dict) -> str:
    """κ and its interval, as in `0.840 (0.795 to 0.865)`; κ alone if the interval is empty."""
    interval = f" ({cell['low']:.3f} to {cell['high']:.3f})" if cell["low"] < cell["high"] else ""
    return f"{cell['value']:.3f}{interval}"


def demonstration() -> str:
    """κ of the demonstration's model and of what it is compared with, damaged signals included."""
    found = read("demo-amd-epyc")
    rows = []
    for name, label in CONTENDERS.items():
        damaged = found["damaged_kappa"]
        cells = [damaged["lost"][name]["50 %"]]
        cells += [damaged["white"][name][f"{level} dB SNR"] for level in (10, 0)]
        kappa = kappa_with_interval(found["kappa"][name])
        rows.append([label, kappa, *(f"{cell:.3f}" for cell in cells)])
    noise = ["white noise, 10 dB SNR", "white noise, 0 dB SNR"]
    seconds, night = found["seconds"], found["staged_night"]
    return (
        table(["", "κ", "half of every recording lost", *noise], rows, numbers=4)
        + f"\n\nMeasured on {found['date']}, on {found['machine']['cores']} cores of an "
        f"{found['machine']['cpu']}. One more simulated night, staged without its scores, gives κ "
        f"{night['kappa']:.3f}. The whole demonstration takes {seconds['total']:.0f} s, of which "
        f"training takes {seconds['train']:.0f} s and evaluation {seconds['eval']:.0f} s."
    )


def drawing_cost() -> str:
    """CPU time of a picture and of a night, beside the plain way of drawing them."""
    cpu_s = read("render-amd-epyc")["cpu_s"]
    rows = []
    for size in ("448x224", "1008x336", "1344x672"):
        ours, plain = cpu_s[f"ours, picture {size}"], cpu_s[f"plain, picture {size}"]
        night = cpu_s[f"ours, night {size}"]
        plain_night = cpu_s["plain, read and filter"] + sum(
            cpu_s[f"plain, {part} {size}"] for part in ("960 pictures", "rows")
        )
        rows.append(
            [
                size.replace("x", " × "),
                f"{1000 * ours:.2f} ms",
                f"{1000 * plain:.0f} ms",
                f"{plain / ours:.0f}",
                f"{night:.2f} s",
                f"{plain_night:.0f} s",
                f"{plain_night / night:.0f}",
                f"{night / cpu_s[f'floor {size}']:.1f}",
            ]
        )
    head = ["pixels", "one picture", "plain way", "ratio", "one night", "plain way", "ratio"]
    return table([*head, "night ÷ floor"], rows, numbers=7)


def picture_size() -> str:
    """Bytes of a picture, and what it costs to load a night of them and to decode one."""
    found = read("render-amd-epyc")
    rows = [
        [
            size.replace("x", " × "),
            f"{count:,}",
            f"{found['cpu_s'][f'load_dataset {size}']:.2f} s",
            f"{1000 * found['cpu_s'][f'row decoded {size}']:.1f} ms",
        ]
        for size, count in found["bytes_per_image"].items()
    ]
    head = ["pixels", "bytes per picture", "`load_dataset` of a night", "decode a row"]
    return table(head, rows, numbers=3)


def corpus_cost() -> str:
    """What a build costs with one and two workers."""
    found = read("corpus-amd-epyc")
    rows = [
        [
            f"draw {found['images']} images of {found['image']}",
            *(f"{found['drawing_s'][workers]:.1f} s" for workers in ("1", "2")),
        ],
        [
            "the whole build, with the finish",
            *(f"{found['whole_s'][workers]:.1f} s" for workers in ("1", "2")),
        ],
        ["the finish alone (one process)", f"{found['finish_s']:.1f} s", ""],
        [
            "start a complete build of 1,000 recordings again",
            f"{found['resumed_1000_s']:.1f} s",
            "",
        ],
    ]
    return table(["step", "1 worker", "2 workers"], rows, numbers=2)


def reading_speed() -> str:
    """Rows per second that `load_dataset` and a PyTorch loader deliver."""
    rates = read("reading-amd-epyc")["rows_per_s_or_s"]
    rows = []
    for way in ("one by one", "at random", "streamed", "loader, at random, 2 workers"):
        cells = [way]
        for size in ("448x224", "1008x336"):
            for neighbours in (0, 1):
                cells.append(f"{rates[f'{way}, context {neighbours} {size}']:.0f}")
        rows.append(cells)
    head = ["rows per second", "448 × 224", "with neighbours", "1008 × 336", "with neighbours"]
    return table(head, rows, numbers=4)


def training_speed() -> str:
    """Images per second of CPU time of our trainer beside TRL's own script."""
    rows = []
    for row in read("train-amd-epyc")["rows"]:
        if row["attention"] == "sdpa" and row["workers"] == 2:
            ours, plain = row["ours"]["images_per_cpu_s"], row["plain"]["images_per_cpu_s"]
            rows.append(
                [
                    f"tiny {row['family']}",
                    "yes" if row["checkpointing"] else "no",
                    f"{ours:.0f}",
                    f"{plain:.0f}",
                    f"{ours / plain:.2f}",
                    f"{100 * row['ours']['waiting_share']:.0f} %",
                ]
            )
    head = ["model", "activation checkpointing", "psgvlm", "TRL's script", "ratio"]
    return table([*head, "time spent waiting for data"], rows, numbers=4)


def scoring_speed() -> str:
    """Epochs per second of the ways of scoring."""
    rows = []
    for name, model in read("score")["models"].items():
        ways = ("generate", "generate_batch", "ours", "no_reuse", "reuse")
        rows.append([f"tiny {name}" if name != "psgvlm tiny" else "the demonstration's"])
        rows[-1] += [f"{model[way]['epochs_per_s']:.0f}" for way in ways]
    head = ["model", "`generate()`, one by one", "`generate()`, batches", "psgvlm"]
    head += ["with neighbours, each picture seen anew", "with neighbours, as psgvlm does"]
    return table(head, rows, numbers=5)


def layouts() -> str:
    """κ of the tiny model by how the pictures are drawn, the best first."""
    drawings = read("layouts")["layouts"]
    kappas = {
        name: [run["kappa"] for run in drawing["seeds"].values()]
        for name, drawing in drawings.items()
    }
    rows = [
        [
            f"`{drawing_label(name, drawings[name])}`",
            DRAWINGS[name],
            f"{mean(kappas[name]):.2f}",
            ", ".join(f"{kappa:.2f}" for kappa in kappas[name]),
        ]
        for name in sorted(kappas, key=lambda name: -mean(kappas[name]))
    ]
    return table(["`--image`", "the drawing", "κ, mean", "κ of each seed"], rows, numbers=2)


def drawing_label(name: str, drawing: dict) -> str:
    """Return the image spec of a drawing in bench/results/layouts.json, with what was added."""
    label = drawing["image"].replace("wide,width=336,height=336", "wide, 336 × 336")
    label = label.replace("square,width=672,height=672", "square, 672 × 672")
    label = label.replace("folded,eeg_uv=120,eog_uv=150,emg_uv=60", "folded, ±120 µV")
    label += " + neighbours" if "context" in name else ""
    return label + (", 3 × steps" if "longer" in name else "")


# What bench/layouts.py trains on, by the names that it uses.
DRAWINGS = {
    "paper": "one strip, each epoch scaled to its own extremes",
    "paper, fixed": "the lanes of `paper` at a fixed scale in µV",
    "wide": "six lanes, three of them EEG, at ±125 µV with a line of 1 px",
    "strip": "one strip of four lanes at ±75 µV",
    "strip, finer": "one strip with twice the pixels each way",
    "folded twice": "two rows of 15 s",
    "folded": "three rows of 10 s at ±60 µV with a line of 1.5 px",
    "folded, thin": "a line of 1 px",
    "folded, thick": "a line of 2.5 px",
    "folded, context": "with the epochs before and after, a third of the steps",
    "folded, context, longer": "with the epochs before and after, all steps",
    "folded, flat": "three rows of 10 s, waves half as tall",
    "folded, robust": "each lane scaled to its whole recording",
    "spectral": "one strip above a 0–20 Hz spectrogram",
}


def explanations() -> str:
    """How true the heat of each method is."""
    rows = []
    for name, method in read("explain")["methods"].items():
        cost = f"{method['passes']:.0f}" if "passes" in method else "–"
        measures = ("deletion", "insertion", "pointing")
        rows.append([name, *(_interval(method[measure]) for measure in measures), cost])
    head = ["heat by", "deletion (lower is better)", "insertion (higher is better)", "pointing"]
    return table([*head, "cost in prompt passes"], rows, numbers=4)


def lane_shares() -> str:
    """How much each lane decides, and how often a damaged lane leaves the stage as it was."""
    rows = []
    for lane, kinds in read("explain")["damaged_lanes"].items():
        shares = [_interval(kinds[kind]["share"]) for kind in ("as it is", "flat", "noise")]
        same = [_interval(kinds[kind]["same"]) for kind in ("flat", "noise")]
        rows.append([lane, *shares, *same])
    head = ["lane", "share of the loss, as recorded", "flat", "noise"]
    return table([*head, "same stage, flat", "same stage, noise"], rows, numbers=5)


def _interval(cell: dict | None) -> str:
    if not cell:
        return "–"
    return f"{cell['value']:.2f} ({cell['low']:.2f} to {cell['high']:.2f})"
