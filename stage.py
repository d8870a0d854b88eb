"""Stage nights of one's own.

    python stage.py night.edf --model ADAPTER --out night/
    python stage.py *.edf --model ADAPTER --out nights/ --lights-off 23:10 --lights-on 06:45

Writes hypnogram.csv, hypnogram.json, hypnogram.edf (EDF+ annotations), events.tsv and events.json
(BIDS), statistics.json, night.png and report.html: into --out, or for several nights into a folder
each. With --explain also explained/, where the model looked. What was staged by the same model is
not staged again; what was interrupted goes on.
Exit status: 1 where no night could be staged, 3 where some could not.
"""

import argparse
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from psgvlm import errors

METHODS = ("ablation", "patches", "gradient", "attention")  # those of psgvlm.explanations
PART = "hypnogram.part"  # the probabilities of a night that is not finished


def options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("nights", type=Path, nargs="+", metavar="NIGHT",
        help="an EDF or EDF+ recording, or what MNE reads")  # fmt: skip
    add("--model", required=True, help="adapter: a folder or a Hub id")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--map", default="", help='unusual labels, such as "chin=EMG1 - EMG2,C4-M1=EEG C4"')
    add("--lights-off", metavar="TIME", help="as 23:10, or in seconds from the record's start")
    add("--lights-on", metavar="TIME", help="the same; the default is the whole record")
    add("--review-under", type=float, default=0.6, metavar="P",
        help="epochs whose stage is less probable are listed for review; default: 0.6")  # fmt: skip
    add("--explain", metavar="EPOCHS",
        help="where the model looked: all, uncertain, or numbers from 1, as 12,40-44")  # fmt: skip
    add("--method", choices=METHODS, default=METHODS[0], help="of --explain; default: ablation")
    add("--batch-size", type=int, default=32)
    add("--device", help="cpu, cuda ...; default: cuda where there is one")
    args = parser.parse_args(words)
    if not 0 <= args.review_under <= 1:
        raise errors.InputError(f"--review-under {args.review_under:g}; expected 0 to 1")
    if args.batch_size < 1:
        raise errors.InputError(f"--batch-size {args.batch_size}; expected 1 or more")
    return args


def main(words: list[str] | None = None) -> int:
    args = options(words)

    from psgvlm.staging.stager import Stager

    stager = Stager(args.model, args.device, args.batch_size)
    folders = places(args.nights, args.out)
    failed: list[Path] = []
    for path, folder in folders.items():
        with told(path, failed):
            stage(stager, path, folder, args)
    if failed and len(folders) > 1:
        print(f"{len(failed)} of {len(folders)} nights were not staged", file=sys.stderr)
    return 0 if not failed else 1 if len(failed) == len(folders) else 3


def stage(stager, path: Path, folder: Path, args: argparse.Namespace) -> None:
    """One night, from the recording to its files; nothing where they are there already."""
    from psgvlm.staging import lights, night_files

    ### The recording, drawn as the adapter's training images were
    night = stager.open(path, args.map)
    dark = lights.find(args.lights_off, args.lights_on, night.recording)
    before = earlier(folder, night.name)
    print(f"{path}: lanes: {night.lanes}")

    ### Stages: those of before where model, file and lanes are the same
    if before and before.key == stager.key(night):
        staged = stager.staged(night, before.raw)
        staged = replace(staged, corrections=before.corrections, versions=before.versions)
        text = night_files.json_text(staged, dark, args.review_under)
        if text == (folder / night_files.RESULT).read_text("utf-8") and night_files.whole(folder):
            print(f"{path}: staged already, in {folder}")
            explain(stager, night, staged, folder, args)
            return
    else:
        staged = score(stager, night, folder / PART)

    ### Results
    night_files.write(folder, staged, dark, args.review_under)
    (folder / PART).unlink(missing_ok=True)
    for note in staged.notes:
        print(f"{path}: {note}")
    print(f"{path}: {summary(staged, args.review_under)}; {folder / 'report.html'}")
    explain(stager, night, staged, folder, args)


def score(stager, night, part: Path):
    """Stage a night under a progress bar; what is done when it is interrupted stays in `part`."""
    from tqdm import tqdm

    _ = stager.model  # its own bar comes before this one
    with tqdm(total=len(night.epochs), unit="epoch", desc=night.name) as bar:

        def progress(done: int, total: int) -> None:
            bar.initial = bar.initial or (done if not bar.n else 0)
            bar.update(done - bar.n)

        try:
            return stager.stage(night, progress, part)
        except KeyboardInterrupt:
            bar.write(
                f"{night.path}: {bar.n} of {bar.total} epochs are done and kept; the same command "
                "goes on",
                sys.stderr,
            )
            raise


def explain(stager, night, staged, folder: Path, args: argparse.Namespace) -> None:
    """Where the model looked in the epochs of `--explain`, if it is there."""
    if not args.explain:
        return
    from tqdm import tqdm

    from psgvlm.explanations import night_pages as explained

    rows = explained.chosen(args.explain, staged, args.review_under)
    with tqdm(total=len(rows), unit="epoch", desc=f"explaining {night.name}") as bar:
        explained.write(
            folder / "explained", stager.model, night, staged, rows, args.method,
            lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    print(f"{night.path}: {len(rows)} epochs explained; {folder / 'explained/explanations.html'}")


def summary(staged, under: float) -> str:
    """What became of a night, in a line."""
    total, unsure = len(staged.epochs), len(staged.unsure(under))
    text = f"{total} epochs; {unsure} for review, under {under:g}"
    if worth := staged.worth(under):
        before, after = worth
        text += (
            f" (on the validation nights, {100 * after.share:.0f} % reviewed took κ from "
            f"{before.kappa:.2f} to {after.kappa:.2f})"
        )
    return text


def places(nights: list[Path], out: Path) -> dict[Path, Path]:
    """A folder for each night: `out` for one, else folders in it, by name; longer if it must be."""
    nights = list(dict.fromkeys(nights))
    if len(nights) == 1:
        return {nights[0]: out}
    tails = [path.absolute().parts for path in nights]
    for length in range(max(map(len, tails)) + 1):
        names = ["_".join(tail[-length:]).strip("/") for tail in tails]
        if not length:
            names = [path.stem for path in nights]
        if len(set(names)) == len(names):
            return {path: out / name for path, name in zip(nights, names, strict=True)}
    raise errors.InputError(f"{nights[0]} ...: the same night twice; expected each once")


def earlier(folder: Path, name: str):
    """What was staged into a folder before; refuses one with another night or other work in it."""
    from psgvlm.staging import night_files

    if folder.exists() and not folder.is_dir():
        raise errors.InputError(f"{folder}: exists, and is no folder; choose another --out")
    there = [file for file in night_files.FILES if (folder / file).exists()]
    if there and night_files.RESULT not in there and not (folder / PART).exists():
        raise errors.InputError(
            f"{folder / there[0]}: exists, and is not known to be stage.py's; expected a folder "
            "for the results: choose another --out, or remove it"
        )
    if night_files.RESULT not in there:
        return None
    found, *_ = night_files.read(folder / night_files.RESULT)
    if found.name != name:
        raise errors.InputError(
            f"{folder}: holds the staged night {found.name}; expected none, or that of {name}: "
            "choose another --out"
        )
    return found


@contextmanager
def told(path: Path, failed: list[Path]):
    """A fault of one night is one line, and the next night's turn."""
    from psgvlm.models.vlm import ModelError

    try:
        yield
    except ModelError:
        raise  # no fault of the night
    except errors.InputError as error:
        errors.print_error(error)
        failed.append(path)
    except OSError as error:
        errors.print_error(
            errors.InputError(f"{error.filename or path}: {error.strerror or error}")
        )
        failed.append(path)


if __name__ == "__main__":
    errors.run(main)
