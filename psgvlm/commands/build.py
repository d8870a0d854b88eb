"""`psgvlm build`: draw raw recordings into a corpus."""

import argparse
import shlex
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from types import ModuleType

from psgvlm import chat, files
from psgvlm.builders.build import output
from psgvlm.builders.readers import READERS, FoundNight, find_nights
from psgvlm.commands.inspect import add_image_arguments
from psgvlm.corpus import splits
from psgvlm.corpus.manifest import BUILT, FAILED, RAW, SKIPPED
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings import load_map

SPLIT, SEED = "70/15/15", 42
USAGE = "psgvlm build [LAYOUT] RAW --out CORPUS [options]"
LAYOUTS = "\n".join(f"  {name:10} {r.NAME}" for name, r in READERS.items() if name != "folder")
DESCRIPTION = f"""\
Draw raw recordings into a corpus: images, prompts, answers, labels and splits, which
datasets.load_dataset reads.

The first word names the layout of RAW:
{LAYOUTS}
  folder     any folder of EDF, EDF+, BDF or other recordings (the default)

A build that was stopped continues where it was when the same command is run again. When recordings
were added, only they are drawn.

Exit status 0; 3 if recordings were skipped (0 with --allow-skips) or failed; 1 if all were skipped
or if an argument is wrong."""


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm build`; return its exit status."""
    words = list(sys.argv[1:] if words is None else words)
    name = words.pop(0) if words and words[0] in READERS else "folder"
    reader, parser = READERS[name], _parser()
    args = parser.parse_args(words)
    image = ImageSpec.parse(args.image)
    reader_options = _reader_options(parser, args, name)
    if args.scheduler:  # the workers of a cluster have another working folder
        args.raw, args.out = args.raw.absolute(), args.out.absolute()
    nights = find_nights(reader, args.raw)
    ids = None
    if args.ids:
        nights, ids = _listed(nights, args.ids)
    assigned = splits.assign(args.split, (night.subject for night in nights), args.seed, ids)
    output.check(args.out, image)

    from psgvlm.builders.build import cluster, cohort_build, workers
    from psgvlm.builders.build.examine import Choices

    choices = Choices(
        raw=args.raw,
        reader=reader_options,
        map=load_map(args.map),
        strict=args.strict,
        trim_wake_min=args.trim_wake,
        tasks=args.tasks,
    )
    run = partial(workers.run, count=args.workers or workers.cores())
    if args.scheduler:
        run = partial(cluster.run, scheduler=args.scheduler)
    options = _options_as_typed(args, reader, reader_options)
    entries = cohort_build.build(reader, nights, args.out, image, assigned, choices, run, options)
    return _report(entries, args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "psgvlm build",
        usage=USAGE,
        description=DESCRIPTION,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("raw", type=Path, metavar="RAW", help="the folder of the recordings")
    add("--out", type=Path, required=True, metavar="CORPUS", help="the folder to write")
    add_image_arguments(parser)
    add(
        "--split",
        default=SPLIT,
        help="how to split the subjects: shares of train/validation/test, or\n"
        f"{', '.join(splits.NAMED)} (with --ids);\ndefault: {SPLIT}",
    )
    add("--seed", type=int, default=SEED, help=f"seed of the split; default: {SEED}")
    add(
        "--ids",
        type=Path,
        metavar="FILE",
        help="a list of the subjects or recordings to draw, one on a line; default: all",
    )
    add(
        "--trim-wake",
        type=float,
        metavar="MIN",
        help="keep only so many minutes of wake before and after the sleep; default: all",
    )
    add(
        "--tasks",
        type=_tasks,
        default=("staging",),
        help=f"what to ask about each image, of {','.join(chat.TASKS)}.\n"
        "Each task is a configuration of the corpus, with the same images. Adding a\n"
        "task later draws every recording again. Default: staging",
    )
    add(
        "--workers",
        type=_count,
        metavar="N",
        help="number of worker processes; default: one for each core",
    )
    add(
        "--scheduler",
        metavar="tcp://HOST:8786",
        help="draw on the Dask cluster of this scheduler; default: on this machine",
    )
    add("--allow-skips", action="store_true", help="exit with status 0 if recordings were skipped")
    _add_reader_options(parser)
    return parser


def _add_reader_options(parser: argparse.ArgumentParser) -> None:
    """Add each option of the readers once, with what it means to each of them."""
    names_of: dict[tuple[str, str], list[str]] = {}
    for name, reader in READERS.items():
        for option, settings in reader.OPTIONS.items():
            names_of.setdefault((option, settings["help"]), []).append(name)
    for option in dict.fromkeys(option for option, _ in names_of):
        texts = {text: names for (other, text), names in names_of.items() if other == option}
        shown = "\n".join(
            f"for {', '.join(names) if len(names) < 4 else 'the other layouts'}: {text}"
            for text, names in texts.items()
        )
        first = next(r.OPTIONS[option] for r in READERS.values() if option in r.OPTIONS)
        keep = ("type", "metavar", "choices") if len(texts) == 1 else ()
        settings = {key: first[key] for key in keep if key in first}
        flag = f"--{option.replace('_', '-')}"
        parser.add_argument(flag, **settings, default=None, help=shown.replace("%", "%%"))


def _reader_options(parser, args: argparse.Namespace, name: str) -> dict[str, str]:
    """Return the options of the reader, with its defaults; refuse those of other readers."""
    for other, reader in READERS.items():
        for option in reader.OPTIONS:
            value = getattr(args, option)
            if option not in READERS[name].OPTIONS and value is not None:
                parser.error(f"--{option.replace('_', '-')} is an option of {other}, not of {name}")
    for option, settings in READERS[name].OPTIONS.items():
        choices, value = settings.get("choices"), getattr(args, option)
        if choices and value is not None and value not in choices:
            parser.error(f"--{option.replace('_', '-')} {value}: choose from {', '.join(choices)}")
    return {
        option: settings["default"] if getattr(args, option) is None else getattr(args, option)
        for option, settings in READERS[name].OPTIONS.items()
    }


def _options_as_typed(args: argparse.Namespace, reader: ModuleType, reader_options: dict) -> str:
    """Return the options that decide what the corpus holds, unless they have their default.

    The card prints them. Paths are left out, because the name of a folder can be a person's name.
    """
    defaults = {"split": SPLIT, "seed": SEED, "ids": None, "trim_wake": None, "map": ""}
    defaults |= {"strict": False}
    defaults |= {option: settings["default"] for option, settings in reader.OPTIONS.items()}
    values = vars(args) | reader_options
    typed = {name: values[name] for name in defaults if values[name] != defaults[name]}
    if args.ids:
        typed["ids"] = "IDS"
    if load_map(args.map) != args.map:
        typed["map"] = "MAP"  # a file
    flags = ["--strict"] if typed.pop("strict", False) else []
    words = [(f"--{name.replace('_', '-')}", f"{value}") for name, value in typed.items()]
    return shlex.join([*(word for pair in words for word in pair), *flags])


def _report(entries: list, args: argparse.Namespace) -> int:
    """Print notes and skipped recordings on stderr, totals on stdout; return the exit status."""
    raw = str(args.raw)
    for entry in entries:
        if entry.result.notes:
            notes = "; ".join(entry.result.notes).replace(RAW, raw)
            print(f"{entry.recording}: {notes}", file=sys.stderr)
    for entry in entries:
        if entry.result.reason:
            reason = entry.result.reason.replace(RAW, raw)
            print(f"{entry.result.status} {entry.recording}: {reason}", file=sys.stderr)
    count = Counter(entry.result.status for entry in entries)
    if not count[BUILT]:
        raise InputError(
            f"{raw}: all {len(entries)} recordings were skipped for the reasons above; expected at "
            f"least one that can be drawn: psgvlm inspect {shlex.quote(raw)} shows what they hold"
        )
    epochs = sum(entry.result.rows for entry in entries)
    failed = f", {count[FAILED]} failed: run the command again" if count[FAILED] else ""
    print(f"{args.out}: {epochs} epochs of {count[BUILT]} nights, {count[SKIPPED]} skipped{failed}")
    return 3 if count[FAILED] or (count[SKIPPED] and not args.allow_skips) else 0


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number}; expected 1 or more")
    return number


def _tasks(text: str) -> tuple[str, ...]:
    named = text.split(",")
    if not set(named) <= set(chat.TASKS):
        raise argparse.ArgumentTypeError(f"{text!r}; expected some of {','.join(chat.TASKS)}")
    return tuple(task for task in chat.TASKS if task in named)


def _listed(nights: list[FoundNight], path: Path) -> tuple[list[FoundNight], list[str]]:
    """Return the nights that a file lists, and their subjects in the order of the list.

    The file has a subject or a recording on each line, or in the first column of a CSV.
    """
    lines = (line.split(",")[0].strip().strip('"') for line in files.read_text(path).splitlines())
    ids = list(dict.fromkeys(filter(None, lines)))
    subject_of = {name: night.subject for night in nights for name in _names(night)}
    if absent := [name for name in ids if name not in subject_of]:
        first = ", ".join(absent[:5]) + (" ..." if len(absent) > 5 else "")
        print(f"{path}: {len(absent)} of {len(ids)} ids not found: {first}", file=sys.stderr)
    kept = [night for night in nights if _names(night) & set(ids)]
    if not kept:
        raise InputError(
            f"{path}: none of its {len(ids)} ids found; expected subjects such as "
            f"{nights[0].subject}, or recordings such as {nights[0].recording}"
        )
    return kept, [subject_of[name] for name in ids if name in subject_of]


def _names(night: FoundNight) -> set[str]:
    return {night.subject, night.recording}
