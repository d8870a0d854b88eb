"""What the contenders of a report are, and which cohorts they were trained on."""

from collections.abc import Iterable

from psgvlm.evaluation import smoothing
from psgvlm.evaluation.baseline_names import DESCRIPTIONS, FITTED, NAMES, OF_A_MODEL
from psgvlm.training import run_record


def describe(
    names: Iterable[str], folders: dict[str, str], fitted_on: Iterable[str]
) -> dict[str, dict]:
    """Describe each contender and list the cohorts it was trained on.

    Parameters
    ----------
    names : iterable of str
        The contenders, as the table of predictions names them.
    folders : dict of str to str
        The folder or Hub id of each model, by the model's name.
    fitted_on : iterable of str
        The cohorts of the train split that the baselines were fitted on. A probe on a model's
        vision tower has also seen the cohorts of the model.

    Returns
    -------
    dict
        `what`: a description of each contender. `trained_on`: a list of cohorts by contender, or
        `None` if the cohorts are not known; smoothed contenders have no entry.
    """
    records = {name: run_record.read(folder) for name, folder in folders.items()}
    what = {name: _describe_model(record) for name, record in records.items()}
    trained_on = {name: run_record.trained_cohorts(record) for name, record in records.items()}
    for name in names:
        baseline, _, model = name.partition(" of ")
        if name in folders:
            continue
        if baseline not in NAMES:
            own = name.removesuffix(smoothing.SUFFIX)
            what[name] = f"{own}, each night smoothed by the train split's changes of stage"
            continue
        what[name] = DESCRIPTIONS[baseline]
        seen = trained_on[model or next(iter(folders))] if baseline in OF_A_MODEL else []
        known = baseline in FITTED and seen is not None
        trained_on[name] = sorted({*fitted_on, *seen}) if known else None
    return {"what": what, "trained_on": trained_on}


def _describe_model(record: dict) -> str:
    if not record:
        return "a model without a record of its training"
    base = record.get("base_model")
    words = [f"{base}, fine-tuned" if base else "a tiny model, trained from scratch"]
    words += ["LoRA"] if record.get("lora") else []
    if neighbours := record.get("neighbours"):
        epochs = "epoch" if neighbours == 1 else "epochs"
        words.append(f"with {neighbours} neighbouring {epochs} on each side")
    return ", ".join(words)
