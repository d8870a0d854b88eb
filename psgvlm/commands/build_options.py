"""The options of `psgvlm build`: those of every build, and those of the readers."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from psgvlm import chat
from psgvlm.builders.readers import READERS
from psgvlm.commands.inspect import add_image_arguments
from psgvlm.corpus import split_files, splits
from psgvlm.recordings import load_map

SPLIT, SEED = "70/15/15", 42
USAGE = "psgvlm build [READER] RAW --out CORPUS [options]"
DESCRIPTION = """\
Draw raw recordings into a corpus: images, prompts, answers, labels and splits, which
datasets.load_dataset reads.

The first word names the layout of RAW. With folder, or without the word, psgvlm looks for the
layouts of all data sets below RAW and says which it found; a tree of several data sets becomes a
corpus with a configuration for each of them. The name of a reader skips this. The readers:
{readers}

A build that was stopped continues where it was when the same command is run again. When recordings
were added, only they are drawn.

Exit status 0; 3 if recordings were skipped (0 with --allow-skips) or failed, or if no recording of
a data set has a stage (0 with --unscored); 1 if all were skipped or if an argument is wrong."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of `psgvlm build`."""
    parser = argparse.ArgumentParser(
        "psgvlm build",
        usage=USAGE,
        description=DESCRIPTION.format(readers="\n".join(_readers())),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("raw", type=Path, metavar="RAW", help="the folder of the recordings")
    add("--out", type=Path, required=True, metavar="CORPUS", help="the folder to write")
    add_image_arguments(parser)
    add("--split", default=SPLIT, help=_split_help())
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
        help="keep only so many minutes of wake before and after the sleep; 30 is the\n"
        "custom for Sleep-EDF. Default: all",
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
    add(
        "--unscored",
        action="store_true",
        help="exit with status 0 if no recording of a data set has a stage",
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option, settings_of in _options().items():
        title, settings = _one_option(option, settings_of)
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        groups[title].add_argument(_flag(option), **settings)
    return parser


def reader_options(
    parser: argparse.ArgumentParser, args: argparse.Namespace, readers: Mapping[str, ModuleType]
) -> dict[str, dict]:
    """Return for each reader the keyword arguments of its `read_scores`.

    An option that none of these readers has is refused, as is a value that a reader does not take.
    Readers without an option that others of them have are named on stderr.
    """
    options: dict[str, dict] = {name: {} for name in readers}
    for option, settings_of in _options().items():
        value, flag = getattr(args, option), _flag(option)
        here = [name for name in readers if name in settings_of]
        if value is not None and not here:
            others, ours = ", ".join(settings_of), ", ".join(readers)
            parser.error(f"{flag} is an option of {others}, not of {ours}")
        if value is not None and (without := [name for name in readers if name not in here]):
            print(
                f"{flag} holds for {', '.join(here)}; {', '.join(without)} has no such option and "
                "is read without it",
                file=sys.stderr,
            )
        for name in here:
            settings = settings_of[name]
            choices = settings.get("choices")
            if value is not None and choices and value not in choices:
                parser.error(f"{flag} {value}: {name} takes one of {', '.join(choices)}")
            options[name][option] = settings["default"] if value is None else value
    return options


def as_typed(args: argparse.Namespace, reader: ModuleType, options: dict) -> list[str]:
    """Return the options that decide what the corpus holds, unless they have their default.

    The card prints them. Paths are left out, because the name of a folder can be a person's name.
    """
    defaults = {"split": SPLIT, "seed": SEED, "ids": None, "trim_wake": None, "map": ""}
    defaults |= {"strict": False}
    defaults |= {option: settings["default"] for option, settings in reader.OPTIONS.items()}
    values = vars(args) | options
    typed = {name: values[name] for name in defaults if values[name] != defaults[name]}
    if args.ids:
        typed["ids"] = "IDS"
    if split_files.looks_like_file(args.split):
        typed["split"] = "SPLIT"
    if load_map(args.map) != args.map:
        typed["map"] = "MAP"  # a file
    flags = ["--strict"] if typed.pop("strict", False) else []
    return [word for name, value in typed.items() for word in (_flag(name), f"{value}")] + flags


def _readers() -> Iterable[str]:
    """Yield a line of the help text for each reader."""
    width = max(map(len, READERS))
    for name, reader in READERS.items():
        text = getattr(reader, "NAME", name)
        if name == "folder":
            text = "any folder of recordings; the default"
        yield f"  {name:{width}}  {text}"


def _split_help() -> str:
    width = max(map(len, splits.NAMED))
    named = [
        f"{name:{width}}  {text}".replace("\n", f"\n{'':{width + 2}}")
        for name, text in splits.NAMED.items()
    ]
    lines = [
        "how to split the subjects: shares of train/validation/test; a file (CSV, TSV or",
        "JSON) that gives each subject or recording its split or its fold; or a name:",
        *named,
        f"All nights of a person are in one split. Default: {SPLIT}",
    ]
    return "\n".join(lines).replace("%", "%%")  # argparse formats help texts


def _options() -> dict[str, dict[str, dict]]:
    """Return the settings of every option of the readers, by the readers that have it."""
    options: dict[str, dict[str, dict]] = {}
    for name, reader in READERS.items():
        for option, settings in reader.OPTIONS.items():
            options.setdefault(option, {})[name] = settings
    return options


def _one_option(option: str, settings_of: dict[str, dict]) -> tuple[str, dict]:
    """Return the title of an option's group, and its settings if several readers have it.

    Its help says what each of the readers takes, most of them first.
    """
    kinds: list[tuple[dict, list[str]]] = []
    for name, settings in settings_of.items():
        names = next((names for other, names in kinds if other == settings), None)
        if names is None:
            kinds.append((settings, [name]))
        else:
            names.append(name)
    kinds.sort(key=lambda kind: -len(kind[1]))
    common, names = kinds[0]
    texts = [common["help"]]
    texts += [f"For {', '.join(names)}: {settings['help']}" for settings, names in kinds[1:]]
    keep = {key: value for key, value in common.items() if key not in ("help", "default")}
    if kinds[1:]:  # each reader checks the value by its own choices
        keep.pop("choices", None)
        keep.setdefault("metavar", option.upper())
    keep |= {"default": None, "help": "\n".join(texts).replace("%", "%%")}
    return _title(names), keep


def _title(names: list[str]) -> str:
    """Return the title of the options that most of these readers have alike."""
    others = [name for name in READERS if name not in names]
    if len(names) < len(others):
        return f"for {', '.join(names)}"
    return f"for all readers but {', '.join(others)}" if others else "for all readers"


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number}; expected 1 or more")
    return number


def _tasks(text: str) -> tuple[str, ...]:
    named = text.split(",")
    if not set(named) <= set(chat.TASKS):
        raise argparse.ArgumentTypeError(f"{text!r}; expected some of {','.join(chat.TASKS)}")
    return tuple(task for task in chat.TASKS if task in named)
