"""What a night costs from EDF to Parquet, against the plain way of doing it and against the floor.

    make bench

A night of 8 simulated hours, 12 channels at 256 Hz of which 7 are drawn; one core; CPU time of this
process. Contenders take turns in every round and medians of the rounds are printed. The plain way
draws a few of the 960 epochs, and its time is scaled up; everything else is done whole.
Prints a table and writes bench/results/render-<machine kind>.json.
"""

# The number of threads must be set before numpy is imported.
# ruff: noqa: E402
import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import io
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from builders import corpus, drawing, folder, parts, shards
from builders.drawing import Task
from builders.examine import Choices
from psgvlm import montage, recording, render, signals
from psgvlm.image_spec import PRESETS

HOURS, RATE_HZ, EPOCHS = 8, 256, 960
SIZES = ((448, 224), (1008, 336), (1344, 672))
TARGETS = {"render": {(448, 224): 100, (1008, 336): 60, (1344, 672): 60}, "night": 50}
LANES = (*montage.MONTAGES["aasm"], "ECG")
PLAIN_EPOCHS, PLAIN_NIGHT_EPOCHS, OUR_EPOCHS = 6, 12, 96
LIBRARIES = (
    "numpy",
    "scipy",
    "numba",
    "isal",
    "pyarrow",
    "pillow",
    "datasets",
    "matplotlib",
    "mne",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    montage.MONTAGES["bench"] = LANES
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        os.environ["HF_DATASETS_CACHE"] = str(work / "datasets")
        write_night(work / "raw" / "night.edf")
        print(f"{PLAIN_EPOCHS} to {PLAIN_NIGHT_EPOCHS} epochs of the plain way are scaled up")
        seconds = measure(work, args.rounds)
        sizes = {f"{w}x{h}": image_bytes(work, spec_of(w, h)) for w, h in SIZES}
        found = {
            "machine": machine(),
            "rounds": args.rounds,
            "cpu_s": {name: round(value, 6) for name, value in seconds.items()},
            "bytes_per_image": sizes,
            "first_night_extra_s": first_night(),
        }
    report(seconds, found)
    path = ROOT / "bench" / "results" / f"render-{found['machine']['kind']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{path.relative_to(ROOT)}")


### The night


def write_night(path: Path) -> None:
    """The simulated night as an EDF, and a score for every epoch beside it."""
    import edfio

    from builders.simulate.night import simulate_night

    night = simulate_night(1, HOURS, RATE_HZ)
    path.parent.mkdir()
    channels = []
    for label, samples in night.signals.items():
        limit = 4000.0 if label == "ECG" else 1000.0
        channels.append(
            edfio.EdfSignal(
                samples.clip(-limit, limit).astype(float),
                RATE_HZ,
                label=label,
                physical_dimension="uV",
                physical_range=(-limit, limit),
            )
        )
    edfio.Edf(channels).write(path)
    path.with_suffix(".txt").write_text("".join(f"{stage}\n" for stage in night.stages))


def spec_of(width: int, height: int):
    """The `wide` drawing in another size, with seven lanes."""
    return replace(PRESETS["wide"], montage="bench", width=width, height=height)


### Ours


def our_night(work: Path, spec) -> None:
    (night,) = corpus.find(folder, work / "raw")
    part, rows = work / "part", work / spec_name(spec)
    drawing.draw_night(Task(folder.__name__, night, spec, Choices(), "key", part))
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir()
    shards.write([shards.from_part(parts.read(part, "key"), None)], rows, "train")


def our_pictures(traces, spec) -> list[bytes]:
    return [render.to_png(image, spec) for image in drawn(traces, spec)]


def drawn(traces, spec) -> list[np.ndarray]:
    return list(render.draw(traces, spec, 30.0 * np.arange(OUR_EPOCHS) * (EPOCHS // OUR_EPOCHS)))


def traces_of(work: Path, spec):
    night = recording.Recording(work / "raw" / "night.edf")
    return signals.prepare(night, montage.find_lanes(night.labels, spec.montage), spec)


def floor(work: Path, spec, images: list[np.ndarray]) -> None:
    """What nobody can leave out: read the file, touch every pixel once, encode, write."""
    with (work / "raw" / "night.edf").open("rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass
    blank = np.empty_like(images[0])
    with (work / "floor").open("wb") as file:
        for index in range(EPOCHS):
            blank.fill(index % 2)
            file.write(render.to_png(images[index % len(images)], spec))


### The plain way


def plain_read(work: Path) -> np.ndarray:
    import mne

    raw = mne.io.read_raw_edf(
        work / "raw" / "night.edf", include=labels(), preload=True, verbose="ERROR"
    )
    raw.filter(0.3, 35.0, verbose="ERROR")
    raw.resample(100.0, verbose="ERROR")
    return 1e6 * raw.get_data()


def labels() -> list[str]:
    return [{"E1": "E1-M2", "E2": "E2-M1"}.get(lane, lane) for lane in LANES]


def plain_picture(samples_uv: np.ndarray, rate_hz: float, spec) -> bytes:
    """A new figure, seven lines, a grid of seconds, savefig: the picture that ours is."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(spec.width / 100, spec.height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    t = np.arange(samples_uv.shape[1]) / rate_hz
    for second in range(1, 30):
        axes.axvline(second, color="0.8" if second % 5 == 0 else "0.91", linewidth=0.72)
    for index, (name, lane) in enumerate(zip(LANES, samples_uv, strict=True)):
        half_uv = getattr(spec, f"{montage.LANES[name].modality.lower()}_uv")
        colour = np.array(render.INK[name]) / 255
        axes.plot(t, lane / half_uv / 2 - index, color=colour, linewidth=spec.line_px * 0.72)
    axes.set(xlim=(0, 30), ylim=(0.5 - len(LANES), 0.5))
    axes.axis("off")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def plain_pictures(samples_uv, rate_hz: float, spec, count: int) -> list[bytes]:
    length = int(30 * rate_hz)
    starts = (np.linspace(0, EPOCHS - 1, count).astype(int)) * length
    return [plain_picture(samples_uv[:, s : s + length], rate_hz, spec) for s in starts]


def plain_rows(work: Path, picture: bytes) -> None:
    """960 rows through `Dataset.from_generator`, into Parquet."""
    from datasets import Dataset, Features, Image, Value

    features = Features({"image": Image(), "stage": Value("string"), "epoch": Value("int32")})

    def rows(night):
        for epoch in range(EPOCHS):
            yield {"image": {"bytes": picture, "path": None}, "stage": "N2", "epoch": epoch}

    made = Dataset.from_generator(
        # Another argument every time: from_generator caches by it.
        rows, features=features, cache_dir=work / "cache", gen_kwargs={"night": time.time_ns()}
    )  # fmt: skip
    made.to_parquet(work / "plain.parquet")


### Timing


def measure(work: Path, rounds: int) -> dict[str, float]:
    """CPU seconds of each contender, medians: whole nights, and pictures a piece."""
    import datasets
    import matplotlib

    matplotlib.use("Agg")
    datasets.disable_progress_bars()
    specs = [spec_of(*size) for size in SIZES]
    our_night(work, specs[0])  # compiles and imports what is then measured
    plain = plain_read(work)
    plain_rows(work, b"warm")
    taken = defaultdict(list)

    def timed(name: str, share: float, action, *args):
        start = time.process_time()
        result = action(*args)
        taken[name].append((time.process_time() - start) * share)
        return result

    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        timed("plain, read and filter", 1, plain_read, work)
        traces = timed("ours, read and filter", 1, traces_of, work, specs[0])
        stacked = np.stack([trace.samples_uv for trace in traces])
        for spec in specs:
            size, images = spec_name(spec), drawn(traces, spec)
            timed(f"ours, picture {size}", 1 / OUR_EPOCHS, our_pictures, traces, spec)
            timed(f"encoding {size}", 1 / OUR_EPOCHS, encode, images, spec)
            pictures = timed(
                f"plain, picture {size}", 1 / PLAIN_EPOCHS,
                plain_pictures, stacked, RATE_HZ, spec, PLAIN_EPOCHS,
            )  # fmt: skip
            timed(
                f"plain, 960 pictures {size}", EPOCHS / PLAIN_NIGHT_EPOCHS,
                plain_pictures, plain, 100.0, spec, PLAIN_NIGHT_EPOCHS,
            )  # fmt: skip
            timed(f"plain, rows {size}", 1, plain_rows, work, pictures[0])
            timed(f"floor {size}", 1, floor, work, spec, images)
            timed(f"ours, night {size}", 1, our_night, work, spec)
            rows = timed(f"load_dataset {size}", 1, load, work, spec)
            timed(f"row decoded {size}", 1 / 96, lambda rows=rows: [rows[i] for i in range(96)])
        del traces, stacked
    return {name: median(values) for name, values in taken.items()}


def encode(images: list[np.ndarray], spec) -> None:
    for image in images:
        render.to_png(image, spec)


def load(work: Path, spec):
    """The corpus as training opens it: once, into a cache of its own."""
    from datasets import load_dataset

    files = str(work / spec_name(spec) / "*.parquet")
    with tempfile.TemporaryDirectory(dir=work) as cache:
        return load_dataset("parquet", data_files=files, split="train", cache_dir=cache)


def spec_name(spec) -> str:
    return f"{spec.width}x{spec.height}"


def image_bytes(work: Path, spec) -> dict[str, int]:
    sizes = [len(picture) for picture in our_pictures(traces_of(work, spec), spec)]
    return {"mean": round(sum(sizes) / len(sizes)), "largest": max(sizes)}


def first_night() -> float:
    """CPU seconds more that a process pays where nothing has been compiled before."""
    code = (
        "import time; t = time.process_time(); import numpy as np\n"
        "from psgvlm import filters, render, signals; from psgvlm.image_spec import PRESETS\n"
        "x = filters.band_pass(np.random.default_rng(0).normal(0, 20, 7680), 256.0, (0.3, 35.0))\n"
        "spec = PRESETS['square']; trace = signals.Trace(x, 256.0)\n"
        "next(render.draw([trace, None, None, None], spec, [0.0]))\n"
        "print(time.process_time() - t)"
    )
    with tempfile.TemporaryDirectory() as cache:
        first, again = (
            float(subprocess.check_output(
                [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "NUMBA_CACHE_DIR": cache}
            ))
            for _ in range(2)
        )  # fmt: skip
    return round(first - again, 2)


### Telling


def machine() -> dict:
    """What it ran on, without anything that names a machine."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    model = cpu[1].strip() if cpu else platform.machine()
    return {
        "kind": re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-"),
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {library: version(library) for library in LIBRARIES},
    }


def report(s: dict[str, float], found: dict) -> None:
    print(f"\n{found['machine']['cpu']}, one core, CPU time, medians of {found['rounds']} rounds\n")
    print("| a picture, drawn and encoded | ours ms | encoding ms | plain ms | ratio | target |")
    print("|---|---:|---:|---:|---:|---:|")
    for size in SIZES:
        name = f"{size[0]}x{size[1]}"
        ours, plain = (s[f"{who}, picture {name}"] for who in ("ours", "plain"))
        print(
            f"| {name} | {1e3 * ours:.3f} | {1e3 * s[f'encoding {name}']:.3f} | {1e3 * plain:.1f} "
            f"| {plain / ours:.1f} | {told(plain / ours, TARGETS['render'][size])} |"
        )
    print("\n| a night, EDF to Parquet | ours s | plain s | ratio | target | floor s | × floor |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for size in SIZES:
        name = f"{size[0]}x{size[1]}"
        parts = ("plain, read and filter", f"plain, 960 pictures {name}", f"plain, rows {name}")
        plain, ours = sum(s[part] for part in parts), s[f"ours, night {name}"]
        print(
            f"| {name} | {ours:.2f} | {plain:.1f} | {plain / ours:.1f} "
            f"| {told(plain / ours, TARGETS['night'])} | {s[f'floor {name}']:.2f} "
            f"| {ours / s[f'floor {name}']:.1f} |"
        )
    print("\n| where a night's CPU ms an image go | signals | drawing | encoding | the rest |")
    print("|---|---:|---:|---:|---:|")
    for size in SIZES:
        name = f"{size[0]}x{size[1]}"
        whole, read = (
            1e3 * s[k] / EPOCHS for k in (f"ours, night {name}", "ours, read and filter")
        )
        picture, encoding = (1e3 * s[k] for k in (f"ours, picture {name}", f"encoding {name}"))
        print(
            f"| {name} | {read:.3f} | {picture - encoding:.3f} | {encoding:.3f} "
            f"| {whole - read - picture:.3f} |"
        )
    print("\n| what training pays | bytes an image | load_dataset, 960 rows s | a row decoded ms |")
    print("|---|---:|---:|---:|")
    for size in SIZES:
        name = f"{size[0]}x{size[1]}"
        print(
            f"| {name} | {found['bytes_per_image'][name]['mean']} "
            f"| {s[f'load_dataset {name}']:.2f} | {1e3 * s[f'row decoded {name}']:.2f} |"
        )
    print(f"\nfirst night on a machine: {found['first_night_extra_s']} s more, for compiling")


def told(ratio: float, target: float) -> str:
    return f"{target}: {'met' if ratio >= target else 'NOT met'}"


if __name__ == "__main__":
    main()
