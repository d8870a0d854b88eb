"""Push an adapter to the Hub: private, card last, read back.

What is uploaded is listed first: weights in safetensors, processor, image spec, what the run was,
and card; no checkpoint and nothing else that lies in the folder. Interrupted anywhere, the same
command goes on. An adapter is under the terms of the cohorts that it was trained on.
"""

import math
import re
import tempfile
from pathlib import Path

from psgvlm import image_spec
from psgvlm.errors import InputError
from psgvlm.hub import release, untrusted
from psgvlm.hub.release import Release
from psgvlm.training import run_record

# Weights and their index; what transformers, PEFT and this project write beside them.
FILES = re.compile(
    r"[\w.-]+\.safetensors|[\w.-]+\.safetensors\.index\.json"
    r"|README\.md|(?:adapter_|generation_|processor_|preprocessor_|tokenizer_)?config\.json"
    r"|tokenizer\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.json"
    r"|merges\.txt|chat_template\.(?:jinja|json)"
    r"|(?:image_spec|neighbours|calibration|training|metrics)\.json|config\.yaml"
    r"|handler\.py|requirements\.txt|\.eval_results/[\w.-]+\.yaml|images/[\w-]+\.(?:png|jpg)"
)


def run(args) -> None:
    """Push `args.adapter` as the options say."""
    release.run(args, prepare(args.adapter), read_back)


def prepare(adapter: Path, cohorts: frozenset[str] | None = None) -> Release:
    """The release that an adapter is; of `cohorts`, or of those that its `training.json` names.

    Raises `InputError` for a folder without what it takes to stage, and for one with a pickle.
    """
    adapter = Path(adapter)
    files, left_out = release.choose(adapter, FILES)
    untrusted.refuse_pickles(str(adapter), left_out)
    needed = (release.CARD, image_spec.FILE_NAME, run_record.FILE_NAME)
    if missing := [name for name in needed if name not in files]:
        raise InputError(f"{adapter}: without {missing[0]}; expected what train_sft.py writes")
    if not any(name.endswith(".safetensors") for name in files):
        raise InputError(f"{adapter}: without weights; expected them in .safetensors")
    if cohorts is None:
        cohorts = frozenset(run_record.trained_cohorts(run_record.read(adapter)) or ())
    return Release(adapter, "model", files, left_out, cohorts)


def read_back(name: str, commit: str) -> None:
    """Load the adapter from the Hub, nothing of it from a cache, and let it answer once."""
    from huggingface_hub import snapshot_download

    from psgvlm.models import inference, vlm
    from psgvlm.nights import neighbours

    with tempfile.TemporaryDirectory(prefix="psgvlm-") as cache:
        model = vlm.load(snapshot_download(name, revision=commit, cache_dir=cache), "cpu")
        pictures = [neighbours.blank(model.spec)] * (2 * model.neighbours + 1)
        (answer,) = inference.probabilities(model, [pictures], 1)
        if not math.isclose(answer.sum(), 1, abs_tol=1e-6):
            raise InputError(f"{name}: no answer ({answer}); expected probabilities of five stages")
