"""Stage one night.

    python stage.py night.edf --model ADAPTER --out DIR

Writes hypnogram.csv (epoch,onset_s,stage,p_W,p_N1,p_N2,p_N3,p_R) and hypnogram.png.
"""

import argparse
from pathlib import Path

from psgvlm import errors


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("night", type=Path, help="an EDF or EDF+ recording")
    parser.add_argument("--model", required=True, help="adapter: a folder or a Hub id")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--map", default="", help='unusual labels, such as "chin=EMG1 - EMG2,C4-M1=EEG C4"'
    )
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", help="cpu, cuda ...; default: cuda where there is one")
    args = parser.parse_args()

    import numpy as np
    from PIL import Image
    from tqdm import tqdm

    from psgvlm import context, montage, render, scoring, signals, vlm
    from psgvlm.hypnogram import Hypnogram
    from psgvlm.image_spec import EPOCH_S
    from psgvlm.recording import Recording

    ### Recording, drawn as the adapter's training images were
    recording = Recording(args.night)
    model = vlm.load(args.model, args.device)
    lanes = montage.find_lanes(
        recording.labels, model.spec.montage, montage.parse_map(args.map, recording.labels)
    )
    montage.require_eeg(lanes, recording)
    if fault := signals.implausible(recording, lanes):
        raise errors.InputError(f"{args.night}: {fault}")
    for note in recording.notes:
        print(note)
    print(f"lanes: {lanes}")
    onsets_s = EPOCH_S * np.arange(int((recording.duration_s + 1e-3) // EPOCH_S))
    if not len(onsets_s):
        raise errors.InputError(
            f"{args.night}: {recording.duration_s:g} s long; expected at least one 30-s epoch"
        )
    traces = signals.prepare(recording, lanes, model.spec)
    pictures = (
        Image.fromarray(render.to_rgb(image, model.spec))
        for image in render.draw(traces, model.spec, onsets_s)
    )

    ### Stages
    epochs = context.around(pictures, model.spec, model.context)
    scored = scoring.probabilities(model, epochs, args.batch_size)
    probabilities = list(tqdm(scored, total=len(onsets_s), unit="epoch", desc="staging"))
    night = Hypnogram(onsets_s, np.array(probabilities))

    ### Results
    args.out.mkdir(parents=True, exist_ok=True)
    night.to_csv(args.out / "hypnogram.csv")
    night.to_png(args.out / "hypnogram.png")
    print(f"{len(onsets_s)} epochs; {args.out / 'hypnogram.csv'}, {args.out / 'hypnogram.png'}")
    return 0


if __name__ == "__main__":
    errors.run(main)
