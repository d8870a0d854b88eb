"""Measure what building a corpus costs: the drawing by workers, the finish, an unchanged build.

    make bench

Wall-clock time is measured, so nothing else should run on the machine; the load before the start is
noted. The nights are one simulated night of 8 hours under several names, in the layout of SHHS.
The script prints tables and writes bench/results/corpus-<machine kind>.json.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import render as night_bench  # first: it sets one thread per process before numpy is imported
from psgvlm.builders.build import cohort_build, workers
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.readers import find_nights, shhs

from psgvlm.corpus import splits
from psgvlm.image_spec import PRESETS

ROOT = Path(__file__).parents[1]
IMAGE = "wide"
NIGHTS = 8
SHHS_NIGHTS, CORES = 8444, (1, 16, 256)
TARGETS = {"speedup": 1.8, "finish": 0.10, "resumed_s": 2.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds to measure; default: 3")
    parser.add_argument(
        "--out",
        type=Path,
        default=night_bench.RESULTS,
        help="folder for the results; default: bench/results",
    )
    args = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        results = building(Path(temporary), args.rounds)
    results = {"machine": night_bench.machine(), "load_before": round(load, 2), **results}
    report(results)
    night_bench.save(args.out / f"corpus-{results['machine']['kind']}.json", results)


### Building


def building(work: Path, rounds: int) -> dict:
    """Return the seconds of builds by 1 and 2 workers, and of one with 1,000 recordings done."""
    night = work / "night" / "night.edf"
    night_bench.write_night(night)
    stages = night.with_suffix(".txt").read_text().split()
    lay_out(work / "nights", night, stages, NIGHTS)
    build(
        work / "nights", work / "warm", 2
    )  # compiles and imports, so that the builds below do not
    taken: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        for count, seconds in taken.items():
            seconds.append(build(work / "nights", work / f"corpus{count}", count))
    drawing = {n: median(drawn for drawn, _ in seconds) for n, seconds in taken.items()}
    whole = {n: median(total for _, total in seconds) for n, seconds in taken.items()}
    pictures = sum(path.stat().st_size for path in (work / "corpus1" / "shhs").iterdir())
    return {
        "rounds": rounds,
        "image": IMAGE,
        "images": NIGHTS * len(stages),
        "bytes": pictures,
        "drawing_s": {str(n): round(s, 3) for n, s in drawing.items()},
        "finish_s": round(median(total - drawn for drawn, total in taken[1]), 3),
        "whole_s": {str(n): round(s, 3) for n, s in whole.items()},
        "resumed_1000_s": round(resumed(work, rounds), 3),
    }


def lay_out(raw: Path, edf: Path, stages: list[str], count: int) -> None:
    """Make `count` recordings in the layout of SHHS, all linked to the same file."""
    code = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}
    rows = "".join(f"<SleepStage>{code[stage]}</SleepStage>" for stage in stages)
    xml = edf.with_suffix(".xml")
    xml.write_text(f"<CMPStudyConfig><SleepStages>{rows}</SleepStages></CMPStudyConfig>")
    raw.mkdir()
    for number in range(count):
        os.link(edf, raw / f"shhs1-{200000 + number}.edf")
        os.link(xml, raw / f"shhs1-{200000 + number}-profusion.xml")


def build(raw: Path, out: Path, count: int) -> tuple[float, float]:
    """Build a corpus; return the seconds until all images are drawn, and until the end."""
    shutil.rmtree(out, ignore_errors=True)
    start = time.perf_counter()
    drawn_s = 0.0

    def run(function, tasks):
        nonlocal drawn_s
        yield from workers.run(function, tasks, count)
        drawn_s = time.perf_counter() - start

    nights = find_nights(shhs, raw)
    places = splits.assign("70/15/15", (night.subject for night in nights))
    cohort_build.build(shhs, nights, out, PRESETS[IMAGE], places, Choices(raw=raw), run)
    return drawn_s, time.perf_counter() - start


def resumed(work: Path, rounds: int) -> float:
    """Return the seconds of a command that finds all of 1,000 one-epoch recordings done."""
    import edfio
    import numpy as np

    x = np.random.default_rng(0).normal(0, 20, 3000).clip(-490, 490)
    signal = edfio.EdfSignal(
        x, 100, label="C4-M1", physical_dimension="uV", physical_range=(-500, 500)
    )
    edfio.Edf([signal]).write(work / "epoch.edf")
    lay_out(work / "epochs", work / "epoch.edf", ["N2"], 1000)
    words = [sys.executable, "-m", "builders", "shhs", work / "epochs", "--out", work / "many"]
    taken = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return median(taken[1:])


### Reporting


def report(results: dict) -> None:
    machine, drawing, whole = results["machine"], results["drawing_s"], results["whole_s"]
    speedup, share = drawing["1"] / drawing["2"], results["finish_s"] / whole["1"]
    resumed_s = results["resumed_1000_s"]
    print(f"\n{machine['cpu']}, {machine['cores']} cores, load before {results['load_before']}")
    print(f"{results['images']} images of {NIGHTS} nights, `{IMAGE}`; medians\n")
    print("| | 1 worker, s | 2 workers, s | ratio | target |")
    print("|---|---:|---:|---:|---:|")
    for name, seconds in (("drawing", drawing), ("the whole build", whole)):
        ratio = seconds["1"] / seconds["2"]
        target = night_bench.with_goal(speedup, TARGETS["speedup"])[1] if name == "drawing" else ""
        print(f"| {name} | {seconds['1']:.2f} | {seconds['2']:.2f} | {ratio:.2f} | {target} |")
    print("\n| | measured | at most |")
    print("|---|---:|---:|")
    print(f"| the finish, share of a build by one worker | {share:.3f} | {most(share, 'finish')} |")
    print(f"| an unchanged build of 1,000, s | {resumed_s:.2f} | {most(resumed_s, 'resumed_s')} |")
    for line in projected(results):
        print(line)


def projected(results: dict) -> list[str]:
    """Project the measured rates to all of SHHS; cores share the drawing, not the finish."""
    nights = SHHS_NIGHTS / NIGHTS
    size_gb = nights * results["bytes"] / 1e9
    finish_h = nights * results["finish_s"] / 3600
    lines = [f"\nSHHS, {SHHS_NIGHTS} nights of 8 hours, {size_gb:.0f} GB of pictures, projected:"]
    for cores in CORES:
        draw_h = nights * results["drawing_s"]["1"] / 3600 / cores
        lines.append(
            f"  {cores:3} cores: drawing {draw_h:.2f} h, which writes "
            f"{1e3 * size_gb / draw_h / 3600:.0f} MB/s of parts; then the finish {finish_h:.2f} h"
        )
    rate = 1e3 * size_gb / finish_h / 3600
    lines.append(f"  then the finish is the limit: one process, {rate:.0f} MB/s, and the disk")
    return lines


def most(value: float, target: str) -> str:
    return f"{TARGETS[target]}: {'met' if value <= TARGETS[target] else 'NOT met'}"


if __name__ == "__main__":
    main()
