"""Push an adapter to the Hub: in private, with the card last, and read back.

The files to upload are listed first: weights in safetensors, processor, image spec, training record
and card. Checkpoints and all other files in the folder stay. If a push is interrupted, the same
command continues it. An adapter is under the terms of the cohorts that it was trained on.
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

# The weights and their index, and the files that transformers, PEFT and psgvlm write beside them.
FILES = re.compile(
    r"[\w.-]+\.safetensors|[\w.-]+\.safetensors\.index\.json"
    r"|README\.md|(?:adapter_|generation_|processor_|preprocessor_|tokenizer_)?config\.json"
    r"|tokenizer\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.json"
    r"|merges\.txt|chat_template\.(?:jinja|json)"
    r"|(?:image_spec|neighbours|calibration|training|metrics)\.json|config\.yaml"
    r"|handler\.py|requirements\.txt|\.eval_results/[\w.-]+\.yaml|images/[\w-]+\.(?:png|jpg)"
)


def push_adapter(adapter: Path, args) -> None:
    """Push an adapter as the options of `release.add_arguments` say."""
    release.run(args, prepare(adapter), read_back)


def prepare(adapter: Path, cohorts: frozenset[str] | None = None) -> Release:
    """List what to upload of an adapter.

    Parameters
    ----------
    adapter : Path
        The adapter's folder.
    cohorts : frozenset of str, optional
        The cohorts that the adapter was trained on. Default: those named in its `training.json`.

    Raises
    ------
    InputError
        If a file that staging needs is missing, or if the folder holds a pickle.
    """
    adapter = Path(adapter)
    files, left_out = release.choose(adapter, FILES)
    untrusted.refuse_pickles(str(adapter), left_out)
    needed = (release.CARD, image_spec.FILE_NAME, run_record.FILE_NAME)
    if missing := [name for name in needed if name not in files]:
        raise InputError(f"{adapter}: no {missing[0]}; expected a folder that psgvlm train wrote")
    if not any(name.endswith(".safetensors") for name in files):
        raise InputError(f"{adapter}: no weights; expected files that end in .safetensors")
    if cohorts is None:
        cohorts = frozenset(run_record.trained_cohorts(run_record.read(adapter)) or ())
    return Release(adapter, "model", files, left_out, cohorts)


def read_back(name: str, commit: str) -> None:
    """Download the adapter from the Hub without a cache, load it, and stage a blank picture."""
    from huggingface_hub import snapshot_download

    from psgvlm.models import inference, vlm
    from psgvlm.nights import neighbours

    with tempfile.TemporaryDirectory(prefix="psgvlm-") as cache:
        model = vlm.load(snapshot_download(name, revision=commit, cache_dir=cache), "cpu")
        pictures = [neighbours.blank(model.spec)] * (2 * model.neighbours + 1)
        (answer,) = inference.probabilities(model, [pictures], 1)
        if not math.isclose(answer.sum(), 1, abs_tol=1e-6):
            raise InputError(
                f"{name}: the model read back from the Hub answers {answer}; expected five "
                "probabilities that sum to 1"
            )
