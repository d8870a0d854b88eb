"""Write the README.md of an adapter: what it is, how it was trained, and measured figures only."""

import shutil
from pathlib import Path
from string import Template

from psgvlm.model_card import examples, handler, recipe, results

from psgvlm import dataset_card, files
from psgvlm.errors import InputError
from psgvlm.hub import cohorts as cohort_terms
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.staging import document
from psgvlm.training import run_record

__all__ = ["write"]

TEMPLATE = Path(__file__).with_name("template.md")


def write(
    adapter: str | Path,
    report: str | Path | None = None,
    corpus: str | Path | None = None,
    name: str | None = None,
    dataset: str | None = None,
    note: str = "",
) -> Path:
    """Write an adapter's README.md from the files beside it and from a report.

    The card replaces the one that PEFT and TRL write, which takes the model for a text generator
    and names a local path as its base model. `handler.py`, which the Hub's endpoints use to serve a
    model, is copied beside it; `.eval_results/` and `images/` are written anew.

    Parameters
    ----------
    adapter : str or Path
        The adapter's folder.
    report : str or Path, optional
        The folder of a report that `psgvlm eval` wrote of this very adapter. Without one, the card
        has no figures.
    corpus : str or Path, optional
        The folder of a corpus in the report. The card then shows some of its epochs with the
        model's answers, unless they come under an agreement.
    name : str, optional
        The adapter's name on the Hub.
    dataset : str, optional
        The training corpus' name on the Hub.
    note : str
        A sentence for the top of the card.

    Returns
    -------
    Path
        The card.

    Raises
    ------
    InputError
        If the adapter has no training record, if the report is of another model, or if a corpus is
        given without a report.
    """
    import yaml

    adapter = Path(adapter)
    spec = ImageSpec.load(adapter / FILE_NAME)
    training = run_record.read(adapter)
    if missing := recipe.NEEDED - training.keys():
        raise InputError(
            f"{adapter / run_record.FILE_NAME}: no {min(missing)}; expected a folder that psgvlm "
            "train wrote"
        )
    if corpus and not report:
        raise InputError(f"{corpus}: a card shows epochs with a report's answers only", "report")
    hub_names = {training["dataset"]: dataset} if dataset else {}
    training["dataset"] = hub_names.get(training["dataset"], training["dataset"])
    measured = results.AdapterResults.load(report, adapter, hub_names) if report else None
    cohorts = run_record.trained_cohorts(training)
    metadata = {
        **recipe.base_metadata(training, adapter),
        "pipeline_tag": "image-text-to-text",
        "license": "other",
        "license_name": "terms-of-the-cohorts-and-the-base-model",
        # A folder of this computer means nothing to a reader, so only Hub names are given.
        **({"datasets": [training["dataset"]]} if "/" in training["dataset"] else {}),
        "tags": ["sleep", "sleep-staging", "polysomnography", "eeg", "psgvlm"],
        **cohort_terms.access_form(cohorts or (), "This model was trained on recordings of"),
        **(measured.model_index(_title(name, training)) if measured else {}),
        **examples.write(adapter, spec, measured, corpus),
    }
    blocks = [*recipe.blocks(training, adapter), *(measured.blocks() if measured else [])]
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        metadata=yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True).rstrip(),
        note=dataset_card.quoted(note),
        model=recipe.describe(training, adapter),
        spec=spec.name,
        width=spec.width,
        height=spec.height,
        lanes=", ".join(spec.lanes),
        prompt=spec.prompt,
        name=name or ".",
        sections=document.markdown(blocks),
        unmeasured="" if measured else "\n\nIts agreement with scorers was not measured yet.",
        terms=_terms(cohorts),
    )
    results.write_entries(adapter, measured)
    shutil.copyfile(handler.__file__, adapter / "handler.py")
    return files.write_text(adapter / "README.md", text)


def _title(name: str | None, training: dict) -> str:
    """Return the model's name in `model-index`."""
    return name or f"psgvlm-{training['image_spec']}"


def _terms(cohorts: list[str] | None) -> str:
    """Return the terms under which the weights may be used, beside the base model's licence."""
    if cohorts is None:
        return (
            "The cohorts that this model was trained on are not known. Treat it as if it came "
            "under an agreement."
        )
    sentences = []
    if bound := cohort_terms.under_agreement(cohorts):
        names = " and ".join(cohort.name for cohort in bound)
        sentences.append(
            f"This model was trained on recordings of {names}, which come under agreements: it is "
            "not for commercial use, and may be passed on under the same terms only."
        )
    known = map(cohort_terms.terms_of, cohorts)
    free = [cohort for cohort in known if cohort.name and not cohort.agreement]
    sentences += [f"It was trained on {cohort.name}, {cohort.terms}" for cohort in free]
    return " ".join(sentences)
