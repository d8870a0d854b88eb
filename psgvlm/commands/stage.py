"""Stage nights with a trained model.

    psgvlm stage night.edf --model ADAPTER --out night/
    psgvlm stage *.edf --model ADAPTER --out nights/ --lights-off 23:10 --lights-on 06:45

Writes hypnogram.csv, hypnogram.json, hypnogram.edf (EDF+ annotations), events.tsv and events.json
(BIDS), statistics.json, night.png and report.html into --out; for several nights, into a folder for
each in it. With --explain it also writes explained/, which shows where the model looked.
A night that the same model has staged already is not staged again; an interrupted one continues.
Exit status: 0 if all nights were staged, 3 if some could not be staged, 1 if none could.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from psgvlm import errors

METHODS = ("ablation", "patches", "gradient", "attention")  # those of psgvlm.explanations
KEPT = "hypnogram.part"  # the probabilities of a night that is not finished


def main(words: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parse(words)

    from psgvlm.staging.stager import Stager

    stager = Stager(args.model, args.device, args.batch_size)
    folders = output_folders(args.nights, args.out)
    failed: list[Path] = []
    for path, folder in folders.items():
        with _skipping_bad_recordings(path, failed):
            _stage(stager, path, folder, args)
    if failed and len(folders) > 1:
        print(f"{len(failed)} of {len(folders)} nights were not staged", file=sys.stderr)
    return 0 if not failed else 1 if len(failed) == len(folders) else 3


def parse(words: list[str] | None) -> argparse.Namespace:
    """Return the options of a command line; raise InputError for a bad value."""
    parser = argparse.ArgumentParser(
        prog="psgvlm stage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("nights", type=Path, nargs="+", metavar="NIGHT",
        help="a recording: EDF, EDF+, or what MNE reads")  # fmt: skip
    add("--model", required=True, help="the adapter: a folder or a Hub id")
    add("--out", type=Path, required=True, help="the folder for the results")
    add("--map", default="", metavar="LANE=LABEL,...",
        help='which signals fill which lanes, as "chin=EMG1 - EMG2,C4-M1=EEG C4" (chin=none leaves '
        "a lane empty), or a file of such entries, as for psgvlm build; default: the lanes are "
        "found by the labels")  # fmt: skip
    add("--strict", action="store_true",
        help="refuse a recording if a substitute would fill a lane, such as C3-M2 for C4-M1; "
        "default: stage it, and say so")  # fmt: skip
    add("--lights-off", metavar="TIME",
        help="when the lights went off: a time of day as 23:10, or seconds from the start of the "
        "record; default: the start of the record")  # fmt: skip
    add("--lights-on", metavar="TIME",
        help="when they went on, in the same form; default: the end of the record")  # fmt: skip
    add("--review-under", type=float, default=0.6, metavar="P",
        help="list an epoch for review if the probability of its stage is lower; "
        "default: 0.6")  # fmt: skip
    add("--explain", metavar="EPOCHS",
        help="show where the model looked in these epochs: all, uncertain (those for review), or "
        "numbers from 1, as 12,40-44; default: none")  # fmt: skip
    add("--method", choices=METHODS, default=METHODS[0],
        help="how --explain measures it; default: ablation")  # fmt: skip
    add("--batch-size", type=int, default=32,
        help="epochs that the model sees at a time; default: 32")  # fmt: skip
    add("--device", help="cpu, cuda, ...; default: cuda if there is a GPU")
    args = parser.parse_args(words)
    _check(args)
    return args


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be refused before the model and its libraries are loaded."""
    if not 0 <= args.review_under <= 1:
        raise errors.InputError(f"--review-under {args.review_under:g}; expected 0 to 1")
    if args.batch_size < 1:
        raise errors.InputError(f"--batch-size {args.batch_size}; expected 1 or more")

    from psgvlm.staging.lights import check_format

    for parameter in ("lights_off", "lights_on"):
        if (time := getattr(args, parameter)) is not None:
            check_format(time, parameter)
    if args.explain is not None:
        from psgvlm.explanations.chosen_epochs import parse

        parse(args.explain)


def _stage(stager, path: Path, folder: Path, args: argparse.Namespace) -> None:
    """Stage one night and write its files, unless they are there already."""
    from psgvlm.staging import lights, night_files

    ### The recording, with lanes and epochs as the adapter's training images had them
    night = stager.open(path, args.map, strict=args.strict)
    recording = night.recording
    dark = lights.find(
        args.lights_off, args.lights_on, str(path), recording.duration_s, recording.clock_s
    )
    previous = previous_result(folder, night.name)
    print(f"{path}: lanes: {night.lanes}")

    ### Stages: those of the previous run if model, recording and lanes are the same
    if previous and previous.key == stager.key(night):
        staged = stager.to_staged_night(night, previous.raw_probabilities)
        staged = replace(staged, corrections=previous.corrections, versions=previous.versions)
        text = night_files.json_text(staged, dark, args.review_under)
        unchanged = text == (folder / night_files.RESULT).read_text("utf-8")
        if unchanged and night_files.has_all_files(folder):
            print(f"{path}: staged already, in {folder}")
            _explain(stager, night, staged, folder, args)
            return
    else:
        staged = _classify(stager, night, folder / KEPT)

    ### Results
    night_files.write(folder, staged, dark, args.review_under)
    (folder / KEPT).unlink(missing_ok=True)
    for note in staged.notes:
        print(f"{path}: {note}")
    print(f"{path}: {_summary(staged, args.review_under)}; {folder / 'report.html'}")
    _explain(stager, night, staged, folder, args)


def _classify(stager, night, kept: Path):
    """Stage a night under a progress bar; an interrupted run leaves its probabilities in `kept`."""
    from psgvlm.staging.stager import epoch_bar

    _ = stager.model  # loading the weights shows a bar of its own, which should come first
    done = 0
    with epoch_bar(night) as move_bar:

        def progress(epochs_done: int, epochs: int) -> None:
            nonlocal done
            done = epochs_done
            move_bar(epochs_done, epochs)

        try:
            return stager.stage(night, progress, kept)
        except KeyboardInterrupt:
            print(
                f"\n{night.path}: {done} of {len(night.epochs)} epochs are done and kept; run the "
                "same command again to continue",
                file=sys.stderr,
            )
            raise


def _explain(stager, night, staged, folder: Path, args: argparse.Namespace) -> None:
    """Explain the epochs named by --explain, if any."""
    if args.explain is None:
        return
    from tqdm import tqdm

    from psgvlm.explanations import chosen_epochs, night_pages

    rows = chosen_epochs.rows(args.explain, staged, args.review_under)
    with tqdm(total=len(rows), unit="epoch", desc=f"explaining {night.name}") as bar:
        night_pages.write(
            folder / "explained", stager.model, night, staged, rows, args.method,
            lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    page = folder / "explained" / "explanations.html"
    print(f"{night.path}: epochs explained: {len(rows)}; {page}")


def _summary(staged, under: float) -> str:
    """Return in a line how many epochs there are, how many are for review, and what that gains."""
    epochs, for_review = len(staged.epochs), len(staged.rows_for_review(under))
    text = f"{epochs} epochs; {for_review} for review, under {under:g}"
    if gain := staged.review_gain(under):
        before, after = gain
        text += (
            f" (on the validation nights, reviewing {100 * after.share:.0f} % raised κ from "
            f"{before.kappa:.2f} to {after.kappa:.2f})"
        )
    return text


def output_folders(nights: list[Path], out: Path) -> dict[Path, Path]:
    """Return a folder for each night: `out` for a single one, else folders in it.

    A folder has the name of the recording, preceded by those of its parent folders if two
    recordings would otherwise share one.
    """
    nights = list(dict.fromkeys(nights))
    if len(nights) == 1:
        return {nights[0]: out}
    parts = [path.absolute().parts for path in nights]
    for length in range(max(map(len, parts)) + 1):
        names = ["_".join(tail[-length:]).strip("/") for tail in parts]
        if not length:
            names = [path.stem for path in nights]
        if len(set(names)) == len(names):
            return {path: out / name for path, name in zip(nights, names, strict=True)}
    raise errors.InputError(f"{nights[0]} ...: the same night twice; expected each once")


def previous_result(folder: Path, name: str):
    """Return the night that was staged into a folder before, or None.

    Raises InputError if the folder holds another night, or files of another program.
    """
    from psgvlm.staging import night_files

    if folder.exists() and not folder.is_dir():
        raise errors.InputError(f"{folder}: exists, and is no folder; choose another --out")
    present = [file for file in night_files.FILES if (folder / file).exists()]
    if night_files.RESULT not in present:
        if present and not (folder / KEPT).exists():
            raise errors.InputError(
                f"{folder / present[0]}: exists, and psgvlm stage did not write it; expected a "
                "folder for the results: choose another --out, or remove the file"
            )
        return None
    staged, *_ = night_files.read(folder / night_files.RESULT)
    if staged.name != name:
        raise errors.InputError(
            f"{folder}: holds the staged night {staged.name}; expected no night, or that of "
            f"{name}: choose another --out"
        )
    return staged


@contextmanager
def _skipping_bad_recordings(path: Path, failed: list[Path]) -> Iterator[None]:
    """Print an error of a recording as one line and add the recording to `failed`."""
    from psgvlm.models.vlm import ModelError

    try:
        yield
    except ModelError:
        raise  # it would stop every other recording, too
    except errors.InputError as error:
        errors.print_error(error)
        failed.append(path)
    except OSError as error:
        errors.print_error(
            errors.InputError(f"{error.filename or path}: {error.strerror or error}")
        )
        failed.append(path)
