"""What the contenders of a report are, and which cohorts they were trained on."""

from psgvlm.evaluation import baselines
from psgvlm.training import run_record


def tell(names, folders: dict[str, str], fitted_on) -> dict[str, dict]:
    """`what` each contender of `names` is, in words, and the cohorts it was `trained_on`.

    `folders` are the models' by name; `fitted_on` are the cohorts of the train split that baselines
    are fitted on; a probe on a model's vision tower has seen what the model has, too. `trained_on`
    is `None` where this does not tell it; what is smoothed is not in it.
    """
    records = {name: run_record.read(folder) for name, folder in folders.items()}
    what = {name: _in_words(record) for name, record in records.items()}
    trained_on = {name: run_record.trained_cohorts(record) for name, record in records.items()}
    for name in names:
        baseline, _, of = name.partition(" of ")
        if name in folders:
            continue
        if baseline not in baselines.NAMES:
            model, how = name.rsplit(", ", 1)
            what[name] = f"{model}, each night smoothed ({how}) by the train split's changes"
            continue
        what[name] = baselines.WHAT[baseline]
        seen = trained_on[of or next(iter(folders))] if baseline in baselines.OF_A_MODEL else []
        known = baseline in baselines.FITTED and seen is not None
        trained_on[name] = sorted({*fitted_on, *seen}) if known else None
    return {"what": what, "trained_on": trained_on}


def _in_words(record: dict) -> str:
    if not record:
        return "a model without a record of its training"
    base = record.get("base_model")
    words = [f"{base}, fine-tuned" if base else "a tiny model, trained from scratch"]
    words += ["LoRA"] if record.get("lora") else []
    if neighbours := record.get("neighbours"):
        words.append(f"with a context of {neighbours} on either side")
    return ", ".join(words)
