"""What the contenders of a report are, and which cohorts they were trained on."""

from psgvlm import baselines, training_record


def tell(names, folders: dict[str, str], fitted_on) -> dict[str, dict]:
    """`what` each contender of `names` is, in words, and the cohorts it was `trained_on`.

    `folders` are the models' by name; `fitted_on` are the cohorts of the train split that baselines
    are fitted on. `trained_on` is `None` where this does not tell it; models as they are and
    baselines have one, what is smoothed has none.
    """
    what, trained_on = {}, {}
    for name in names:
        baseline = name.partition(" of ")[0]
        if name in folders:
            record = training_record.read(folders[name])
            what[name], trained_on[name] = _in_words(record), training_record.cohorts(record)
        elif baseline in baselines.NAMES:
            what[name] = baselines.WHAT[baseline]
            trained_on[name] = sorted(fitted_on) if baseline in baselines.FITTED else None
        else:
            model, how = name.rsplit(", ", 1)
            what[name] = f"{model}, each night smoothed ({how}) by the train split's changes"
    return {"what": what, "trained_on": trained_on}


def _in_words(record: dict) -> str:
    if not record:
        return "a model without a record of its training"
    base = record.get("base_model")
    words = [f"{base}, fine-tuned" if base else "a tiny model, trained from scratch"]
    words += ["LoRA"] if record.get("lora") else []
    if neighbours := record.get("context"):
        words.append(f"shown {neighbours} epochs more on either side")
    return ", ".join(words)
