"""The adapter's README.md: what it is, how it was trained, and only figures that were measured."""

import shutil
from pathlib import Path
from string import Template

from psgvlm.model_card import examples, handler, recipe, results

from psgvlm import dataset_card
from psgvlm.errors import InputError
from psgvlm.hub import cohorts as cohort_terms
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.staging import document
from psgvlm.training import run_record

TEMPLATE = Path(__file__).with_name("template.md")


def write(
    adapter: str | Path,
    report: str | Path | None = None,
    corpus: str | Path | None = None,
    name: str | None = None,
    dataset: str | None = None,
    note: str = "",
) -> Path:
    """Write README.md from what lies beside an adapter, and from what `eval.py` measured of it.

    `report` is the folder of its report; without one the card has no figures. Of `corpus`, a
    folder that was reported on, epochs are shown with the model's answers (see `examples`). `name`
    is what the Hub calls the adapter, `dataset` the corpus; `note` stands at the top of the card.
    `handler.py`, by which the Hub's endpoints serve a model, is copied beside it. PEFT and TRL
    write a card that takes the model for a text generator and names a local path as its base; this
    one replaces it.
    """
    import yaml

    adapter = Path(adapter)
    spec = ImageSpec.load(adapter / FILE_NAME)
    if lost := recipe.NEEDED - (training := run_record.read(adapter)).keys():
        raise InputError(
            f"{adapter / run_record.FILE_NAME}: no {min(lost)}; expected what train_sft.py wrote"
        )
    if corpus and not report:
        raise InputError(f"{corpus}: epochs are shown with answers of a report; expected --report")
    named = {training["dataset"]: dataset} if dataset else {}
    training["dataset"] = named.get(training["dataset"], training["dataset"])
    measured = results.Results.load(report, adapter, named) if report else None
    cohorts = run_record.trained_cohorts(training)
    front = {
        **recipe.base(training, adapter),
        "pipeline_tag": "image-text-to-text",
        "license": "other",
        "license_name": "terms-of-the-cohorts-and-the-base-model",
        # Only what is on the Hub: a folder of this machine means nothing to a reader.
        **({"datasets": [training["dataset"]]} if "/" in training["dataset"] else {}),
        "tags": ["sleep", "sleep-staging", "polysomnography", "eeg", "psgvlm"],
        **cohort_terms.access_form(cohorts or (), "This model was trained on recordings of"),
        **(measured.model_index(_title(name, training)) if measured else {}),
        **examples.write(adapter, spec, measured, corpus),
    }
    blocks = [*recipe.blocks(training, adapter), *(measured.blocks() if measured else [])]
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        metadata=yaml.safe_dump(front, sort_keys=False, allow_unicode=True).rstrip(),
        note=dataset_card.quoted(note),
        made=recipe.made(training, adapter),
        spec=spec.name,
        width=spec.width,
        height=spec.height,
        lanes=", ".join(spec.lanes),
        prompt=spec.prompt,
        name=name or ".",
        sections=document.markdown(blocks),
        unmeasured="" if measured else " How well it stages was not measured yet.",
        terms=_terms(cohorts),
    )
    results.write_entries(adapter, measured)
    shutil.copyfile(handler.__file__, adapter / "handler.py")
    part = adapter / ".README.md.part"
    part.write_text(text, "utf-8")
    return part.replace(adapter / "README.md")


def _title(name: str | None, training: dict) -> str:
    """What `model-index` calls the model."""
    return name or f"psgvlm-{training['image_spec']}"


def _terms(cohorts: list[str] | None) -> str:
    """What binds those who use the weights, beside the base model's licence."""
    if cohorts is None:
        return " Whose recordings it was trained on is not known: take it as bound by an agreement."
    if not (bound := cohort_terms.under_agreement(cohorts)):
        return ""
    names = " and ".join(cohort.name for cohort in bound)
    return (
        f" Trained on recordings of {names}, which come under agreements: not for commercial use, "
        "and not to be handed on but under the same terms."
    )
