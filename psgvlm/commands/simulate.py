"""`psgvlm simulate`: write synthetic cohorts in the raw layouts of public data sets."""

import argparse
import textwrap
from pathlib import Path

from psgvlm.builders import simulate
from psgvlm.errors import InputError

DESCRIPTION = """\
Write small synthetic cohorts in the raw layouts of public data sets. File names, labels, sampling
rates, stage codes and their oddities are those of the downloads; the nights are simulated.
The true stages and the waveforms of each night are written too, in seconds of the recording:

    OUT/isruc/subgroupI/1/1.rec, 1_1.txt, 1_2.txt, 1_1.xlsx, 1_2.xlsx
    OUT/mass/SS3/01-03-0001 PSG.edf, 01-03-0001 Base.edf
    OUT/shhs/polysomnography/edfs/shhs1/shhs1-200001.edf (and both kinds of XML)
    OUT/sleep-edf/sleep-cassette/SC4001E0-PSG.edf, SC4001EC-Hypnogram.edf
    OUT/truth/<cohort>/<recording>.csv, <recording>.stages.csv

For all cohorts but the first three, <recording>.json names the subject, the signal that shows
each lane of the montage core, and files that look like recordings and are none."""


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm simulate`; return its exit status."""
    parser = argparse.ArgumentParser(
        "psgvlm simulate", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("out", type=Path, help="the folder to write the cohorts into")
    add(
        "--cohorts",
        nargs="+",
        choices=simulate.COHORTS,
        default=list(simulate.DEFAULT_COHORTS),
        metavar="COHORT",
        help=textwrap.fill(
            f"the cohorts to write, of {', '.join(simulate.COHORTS)}; "
            f"default: {' '.join(simulate.DEFAULT_COHORTS)}",
            72,
            break_on_hyphens=False,
        ),
    )
    add(
        "--variants",
        action="store_true",
        help="write one recording of every kind that is known of the cohorts:\n"
        "label families, subsets, visits, odd and damaged files",
    )
    add("--subjects", type=int, help="recordings in each cohort; default: 6")
    add("--hours", type=float, help="scored hours of each; default: 8, with --variants 0.5")
    add("--seed", type=int, default=0, help="seed of the random numbers; default: 0")
    add("--workers", type=int, default=1, help="number of processes; default: 1")
    args = parser.parse_args(words)
    hours = args.hours if args.hours is not None else 0.5 if args.variants else 8.0
    subjects = args.subjects if args.subjects is not None else 6
    if args.variants and args.subjects is not None:
        raise InputError(
            f"--variants --subjects {subjects}: --variants writes one recording of each kind; "
            "expected --variants without --subjects"
        )
    if hours < 0.25 or subjects < 1:
        raise InputError(
            f"--hours {hours:g} --subjects {subjects}: nothing to simulate; "
            "expected at least 0.25 hours and 1 subject"
        )
    if args.variants:
        total = sum(len(simulate.variants(cohort)) for cohort in args.cohorts)
    else:
        total = len(args.cohorts) * subjects

    from tqdm import tqdm

    with tqdm(total=total, unit="night") as bar:
        settings = {"hours": hours, "seed": args.seed, "workers": args.workers}
        settings["done"] = lambda _: bar.update()
        if args.variants:
            simulate.write_variants(args.out, cohorts=args.cohorts, **settings)
            return 0
        for cohort in args.cohorts:
            bar.set_description(cohort)
            simulate.write_cohort(cohort, args.out, subjects, **settings)
    return 0
