"""Write small synthetic cohorts in the raw layouts of ISRUC-Sleep, MASS and SHHS.

Files, labels, rates, stage codes and their oddities are those a user downloads; the nights are
simulated. What was planted is kept beside the cohorts, in seconds of the record:

    OUT/isruc/subgroupI/1/1.rec, 1_1.txt, 1_2.txt, 1_1.xlsx, 1_2.xlsx
    OUT/mass/SS3/01-03-0001 PSG.edf, 01-03-0001 Base.edf
    OUT/shhs/polysomnography/edfs/shhs1/shhs1-200001.edf (+ both kinds of XML)
    OUT/truth/<cohort>/<recording>.csv, <recording>.stages.csv

With --variants, one recording of every kind that the three cohorts are known to hold.
"""

from pathlib import Path

from psgvlm.builders.simulate.cohorts import (
    COHORTS,
    variants,
    write_cohort,
    write_recording,
    write_variants,
)

from psgvlm.errors import InputError

__all__ = ["COHORTS", "add_arguments", "main", "run", "write_cohort", "write_recording",
           "write_variants"]  # fmt: skip


def add_arguments(parser):
    """The command's options on an argparse parser."""
    parser.add_argument("out", type=Path, help="folder to write the cohorts to")
    parser.add_argument("--cohorts", nargs="+", choices=COHORTS, default=list(COHORTS))
    parser.add_argument(
        "--variants", action="store_true",
        help="one recording of every kind: label families, subsets, visits, odd and damaged files",
    )  # fmt: skip
    parser.add_argument(
        "--subjects", type=int, help="recordings in each cohort (default 6; not with --variants)"
    )
    parser.add_argument(
        "--hours", type=float, help="scored hours in each (default 8; with --variants 0.5)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="recordings written at a time")


def run(args):
    """Write what `args` (of `add_arguments`) asks for. Returns the exit status."""
    from tqdm import tqdm

    hours = args.hours if args.hours is not None else 0.5 if args.variants else 8.0
    subjects = args.subjects if args.subjects is not None else 6
    if args.variants and args.subjects is not None:
        raise InputError(
            f"--variants --subjects {subjects}: the variants are given, one recording of each; "
            "expected --variants without --subjects"
        )
    if hours < 0.25 or subjects < 1:
        raise InputError(
            f"--hours {hours:g} --subjects {subjects}: nothing to simulate; "
            "expected at least 0.25 hours and 1 subject"
        )
    if args.variants:
        total = sum(len(variants(cohort)) for cohort in args.cohorts)
    else:
        total = len(args.cohorts) * subjects
    with tqdm(total=total, unit="night") as bar:
        if args.variants:
            write_variants(
                args.out, hours, args.seed, args.cohorts, args.workers, lambda _: bar.update()
            )
        else:
            for cohort in args.cohorts:
                bar.set_description(cohort)
                write_cohort(
                    cohort, args.out, subjects, hours, args.seed, args.workers,
                    lambda _: bar.update(),
                )  # fmt: skip
    return 0


def main(argv=None):
    """Parse `argv` and write."""
    import argparse

    parser = argparse.ArgumentParser(
        "python -m builders simulate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))
