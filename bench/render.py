"""Measure what a night costs from EDF to Parquet, compared with plain code and with a lower bound.

    make bench

The night has 8 simulated hours and 12 channels at 256 Hz, 7 of which are drawn. CPU time is
measured on one core. Our code and the plain code (MNE, matplotlib, `Dataset.from_generator`) each
run in a process of their own. Ours handles one night after another, as a worker of a build does.
The two take turns, and the medians of the rounds are printed. The plain code draws only a few of
the 960 epochs, and its time is scaled up; everything else is done in full.
The script prints tables and writes bench/results/render-<machine kind>.json.
"""

# The number of threads must be set before numpy is imported.
# ruff: noqa: E402
import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import io
import json
import multiprocessing
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
sys.path.insert(0, str(ROOT))

from psgvlm.builders.build import drawing, parts, shards
from psgvlm.builders.build.drawing import Task
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.readers import find_nights, folder

from psgvlm.image_spec import PRESETS
from psgvlm.images import raster
from psgvlm.montages import MODALITY, MONTAGES
from psgvlm.nights.night import Night

HOURS, RATE_HZ, EPOCHS = 8, 256, 960
SIZES = {"448x224": (448, 224), "1008x336": (1008, 336), "1344x672": (1344, 672)}
PICTURE_GOALS, NIGHT_GOAL = (100, 60, 60), 50
LANES = MONTAGES["bench"] = (*MONTAGES["aasm"], "ECG")
PLAIN_EPOCHS, OUR_EPOCHS = 12, 96
LIBRARIES = (
    *("numpy", "scipy", "numba", "isal", "pyarrow"),
    *("pillow", "datasets", "matplotlib", "mne"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds to measure; default: 5")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, help="folder for the results; default: bench/results"
    )
    args = parser.parse_args()
    rounds = args.rounds
    taken = defaultdict(list)
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as temporary,
        ProcessPoolExecutor(1, spawn) as our_process,
        ProcessPoolExecutor(1, spawn) as plain_process,
    ):
        work = Path(temporary)
        os.environ["HF_DATASETS_CACHE"] = str(work / "datasets")
        write_night(work / "raw" / "night.edf")
        for turn in range(rounds + 1):  # the first round compiles and imports; it does not count
            print(f"round {turn} of {rounds}", file=sys.stderr)
            ours_s, sizes = our_process.submit(ours, work).result()
            plain_s = plain_process.submit(plain, work).result()
            for name, seconds in (ours_s | plain_s).items():
                taken[name] += [seconds] if turn else []
    results = {
        "machine": machine(),
        "rounds": rounds,
        "cpu_s": {name: round(median(values), 6) for name, values in taken.items()},
        "bytes_per_image": sizes,
        "first_night_extra_s": first_night(),
    }
    report(results["cpu_s"], results)
    save(args.out / f"render-{results['machine']['kind']}.json", results)


def save(path: Path, results: dict) -> None:
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\n{path}")


def timed(taken: dict[str, float], name: str, share: float, action, *args):
    """Call a function; write `share` of the CPU seconds that it took into `taken`."""
    start = time.process_time()
    result = action(*args)
    taken[name] = (time.process_time() - start) * share
    return result


def write_night(path: Path) -> None:
    """Write the simulated night as an EDF file, and a text file with a stage for every epoch."""
    import edfio
    from psgvlm.builders.simulate.night import simulate_night

    night = simulate_night(1, HOURS, RATE_HZ)
    path.parent.mkdir()
    channels = []
    for label, samples in night.signals.items():
        limit = 4000.0 if label == "ECG" else 1000.0
        kept, ends = samples.clip(-limit, limit).astype(float), (-limit, limit)
        channels.append(
            edfio.EdfSignal(
                kept, RATE_HZ, label=label, physical_dimension="uV", physical_range=ends
            )
        )
    edfio.Edf(channels).write(path)
    path.with_suffix(".txt").write_text("".join(f"{stage}\n" for stage in night.stages))


def spec_of(size: str):
    """Return the image spec `wide` in another size and with seven lanes."""
    width, height = SIZES[size]
    return replace(PRESETS["wide"], montage="bench", width=width, height=height)


### Ours


def ours(work: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Return CPU seconds of whole nights and of their parts, and bytes per image, by size."""
    taken, sizes = {}, {}
    for size in SIZES:
        spec, share = spec_of(size), 1 / OUR_EPOCHS
        timed(taken, f"ours, night {size}", 1, our_night, work, spec)
        rows = timed(taken, f"load_dataset {size}", 1, load, work, spec)
        timed(taken, f"row decoded {size}", 1 / 96, list, rows.select(range(96)))
        traces = timed(taken, "ours, read and filter", 1, traces_of, work, spec)
        images = list(drawn(traces, spec))
        pngs = timed(taken, f"ours, picture {size}", share, our_pictures, traces, spec)
        timed(taken, f"encoding {size}", share, encoded, images, spec)
        sizes[size] = round(sum(map(len, pngs)) * share)
        timed(taken, f"floor {size}", 1, floor, work, spec, images)
        np.save(work / "epochs.npy", [epochs_of(trace.samples_uv, RATE_HZ) for trace in traces])
        del traces, images, rows
    return taken, sizes


def epochs_of(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the epochs that the plain code draws, shape (PLAIN_EPOCHS, samples per epoch)."""
    return samples.reshape(EPOCHS, int(30 * rate_hz))[:: EPOCHS // PLAIN_EPOCHS]


def our_night(work: Path, spec) -> None:
    (night,) = find_nights(folder, work / "raw")
    part, rows = work / "part", work / "corpus"
    drawing.draw_night(Task(folder.__name__, night, spec, Choices(), "key", part))
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir()
    groups = shards.from_part(parts.read(part, "key"), None, ["staging"])
    shards.write([groups], {"staging": rows}, "train")


def load(work: Path, spec):
    """Open the corpus as training does, with an empty cache."""
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    files = str(work / "corpus" / "*.parquet")
    with tempfile.TemporaryDirectory(dir=work) as cache:
        return load_dataset("parquet", data_files=files, split="train", cache_dir=cache)


def traces_of(work: Path, spec):
    return Night(work / "raw" / "night.edf", spec).traces()


def drawn(traces, spec):
    """Draw images one after the other; like a worker, do not keep them."""
    return raster.draw(traces, spec, 30.0 * np.arange(OUR_EPOCHS) * (EPOCHS // OUR_EPOCHS))


def our_pictures(traces, spec) -> list[bytes]:
    return encoded(drawn(traces, spec), spec)


def encoded(images, spec) -> list[bytes]:
    return [raster.to_png(image, spec) for image in images]


def floor(work: Path, spec, images: list[np.ndarray]) -> None:
    """Do what no program can leave out: read the file, set every pixel once, encode, write."""
    with (work / "raw" / "night.edf").open("rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass
    blank = np.empty_like(images[0])
    with (work / "floor").open("wb") as file:
        for index in range(EPOCHS):
            blank.fill(index % 2)
            file.write(raster.to_png(images[index % len(images)], spec))


def first_night() -> float:
    """Return how many CPU seconds more a process takes if nothing has been compiled before."""
    code = (
        "import time; t = time.process_time(); import numpy as np\n"
        "from psgvlm.image_spec import PRESETS; from psgvlm.images import raster\n"
        "from psgvlm.signals import filters, traces\n"
        "x = filters.band_pass(np.random.default_rng(0).normal(0, 20, 7680), 256.0, (0.3, 35.0))\n"
        "spec = PRESETS['square']; trace = traces.Trace(x, 256.0)\n"
        "next(raster.draw([trace, None, None, None], spec, [0.0]))\n"
        "print(time.process_time() - t)"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        first, again = (
            float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=environment))
            for _ in range(2)
        )
    return round(first - again, 2)


### The plain code


def plain(work: Path) -> dict[str, float]:
    """Return CPU seconds of the parts of a night, and of one image of the traces that we draw."""
    import datasets
    import matplotlib

    matplotlib.use("Agg")
    datasets.disable_progress_bars()
    taken = {}
    epochs = np.load(work / "epochs.npy").swapaxes(0, 1)
    night = timed(taken, "plain, read and filter", 1, plain_read, work)
    resampled = np.array([epochs_of(lane, 100.0) for lane in night]).swapaxes(0, 1)
    for size in SIZES:
        spec, share = spec_of(size), 1 / PLAIN_EPOCHS
        timed(taken, f"plain, picture {size}", share, plain_pictures, epochs, RATE_HZ, spec)
        whole = f"plain, 960 pictures {size}"
        pictures = timed(taken, whole, EPOCHS * share, plain_pictures, resampled, 100.0, spec)
        timed(taken, f"plain, rows {size}", 1, plain_rows, work, pictures[0])
    return taken


def plain_read(work: Path) -> np.ndarray:
    import mne

    labels = [{"E1": "E1-M2", "E2": "E2-M1"}.get(lane, lane) for lane in LANES]
    raw = mne.io.read_raw_edf(
        work / "raw" / "night.edf", include=labels, preload=True, verbose="ERROR"
    )
    raw.filter(0.3, 35.0, verbose="ERROR")
    raw.resample(100.0, verbose="ERROR")
    return 1e6 * raw.get_data()


def plain_picture(samples_uv: np.ndarray, rate_hz: float, spec) -> bytes:
    """Draw the same image with matplotlib: a figure, seven lines, a grid of seconds, savefig."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(spec.width / 100, spec.height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    t = np.arange(samples_uv.shape[1]) / rate_hz
    for second in range(1, 30):
        axes.axvline(second, color="0.8" if second % 5 == 0 else "0.91", linewidth=0.72)
    for index, (name, lane) in enumerate(zip(LANES, samples_uv, strict=True)):
        half_uv = spec.half_uv(MODALITY[name])
        colour = np.array(raster.INK[name]) / 255
        axes.plot(t, lane / half_uv / 2 - index, color=colour, linewidth=spec.line_px * 0.72)
    axes.set(xlim=(0, 30), ylim=(0.5 - len(LANES), 0.5))
    axes.axis("off")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def plain_pictures(epochs: np.ndarray, rate_hz: float, spec) -> list[bytes]:
    return [plain_picture(samples_uv, rate_hz, spec) for samples_uv in epochs]


def plain_rows(work: Path, picture: bytes) -> None:
    """Write 960 rows with `Dataset.from_generator` into a Parquet file."""
    from datasets import Dataset, Features, Image, Value

    features = Features({"image": Image(), "stage": Value("string"), "epoch": Value("int32")})

    def rows(night):
        for epoch in range(EPOCHS):
            yield {"image": {"bytes": picture, "path": None}, "stage": "N2", "epoch": epoch}

    made = Dataset.from_generator(
        # from_generator caches by this argument, so it is another one each time.
        rows, features=features, cache_dir=work / "cache", gen_kwargs={"night": time.time_ns()}
    )  # fmt: skip
    made.to_parquet(work / "plain.parquet")


### Reporting


def machine() -> dict:
    """Return the kind of machine and the versions, without anything that identifies it."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    model = cpu[1].strip() if cpu else platform.machine()
    return {
        "kind": re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-"),
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {library: version(library) for library in LIBRARIES},
    }


def report(s: dict[str, float], results: dict) -> None:
    print(
        f"\n{results['machine']['cpu']}, one core, CPU time, medians of {results['rounds']} rounds"
    )
    pictures, nights, where, training = [], [], [], []
    read_ms = 1e3 * s["ours, read and filter"] / EPOCHS
    for size, goal in zip(SIZES, PICTURE_GOALS, strict=True):
        ours_ms, plain_ms = (1e3 * s[f"{way}, picture {size}"] for way in ("ours", "plain"))
        encoding_ms, ratio = 1e3 * s[f"encoding {size}"], with_goal(plain_ms / ours_ms, goal)
        pictures.append((size, f"{ours_ms:.3f}", f"{plain_ms:.1f}", *ratio))
        parts = ("plain, read and filter", f"plain, 960 pictures {size}", f"plain, rows {size}")
        plain_s, ours_s = sum(s[part] for part in parts), s[f"ours, night {size}"]
        over = f"{ours_s / s[f'floor {size}']:.1f} x {s[f'floor {size}']:.2f} s"
        ratio = with_goal(plain_s / ours_s, NIGHT_GOAL)
        nights.append((size, f"{ours_s:.2f}", f"{plain_s:.1f}", *ratio, over))
        rest_ms = 1e3 * ours_s / EPOCHS - read_ms - ours_ms
        spent = (read_ms, ours_ms - encoding_ms, encoding_ms, rest_ms)
        where.append((size, *(f"{ms:.3f}" for ms in spent)))
        load_s, decoded_ms = s[f"load_dataset {size}"], 1e3 * s[f"row decoded {size}"]
        image_bytes = str(results["bytes_per_image"][size])
        training.append((size, image_bytes, f"{load_s:.2f}", f"{decoded_ms:.2f}"))
    table("an image, drawn and encoded | ours ms | plain ms | ratio | goal", pictures)
    table(
        "a night, EDF to Parquet | ours s | plain s | ratio | goal | times the lower bound", nights
    )
    table("CPU ms per image | signals | drawing | encoding | the rest", where)
    table("cost in training | bytes per image | load_dataset s | decoding a row ms", training)
    print(
        f"\nthe first night on a machine takes {results['first_night_extra_s']} s more, to compile"
    )


def table(head: str, rows: list[tuple[str, ...]]) -> None:
    print(f"\n| {head} |\n|---|" + "---:|" * head.count("|"))
    for row in rows:
        print(f"| {' | '.join(row)} |")


def with_goal(ratio: float, goal: float) -> tuple[str, str]:
    """Return a ratio as text, and whether it meets its goal."""
    return f"{ratio:.1f}", f"{goal}: {'met' if ratio >= goal else 'NOT met'}"


if __name__ == "__main__":
    main()
