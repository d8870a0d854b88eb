"""The parts of a vision-language model that are trained: language model, connector, vision tower.

Parts are found by transformers' own accessors and by the names of modules, never by the names of
single weights.
"""

import re
from collections.abc import Collection

from psgvlm.errors import InputError

PARTS = ("language", "connector", "vision")
# The modules between vision tower and language model. Qwen keeps them inside the vision tower.
CONNECTORS = (
    "connector",  # Idefics3, SmolVLM
    "multi_modal_projector",  # LLaVA, LLaVA-NeXT, Gemma 3, InternVL
    "image_newline",  # LLaVA-NeXT
    "merger",  # Qwen
    "deepstack_merger_list",  # Qwen3-VL
)


def chosen_parts(tune: str) -> set[str]:
    """Read the option `tune`: `all`, or some of language, connector, vision joined by commas."""
    chosen = {word.strip() for word in tune.split(",")}
    if chosen == {"all"}:
        return set(PARTS)
    if unknown := chosen - set(PARTS):
        raise InputError(
            f"unknown part {min(unknown)!r} in {tune!r}; expected all, or some of "
            f"{','.join(PARTS)}",
            parameter="tune",
        )
    return chosen


class ModelParts:
    """The part that each module and parameter of a vision-language model belongs to.

    Raise InputError if the parts of the model cannot be told apart.
    """

    def __init__(self, model):
        self.model = model
        # PEFT inserts an adapter into the modules of the base model, whose names stay the same.
        self.base = model.get_base_model() if hasattr(model, "get_base_model") else model
        names = {id(module): name for name, module in self.base.named_modules()}
        modules = {
            "vision": self.base.get_encoder("image"),
            "language": self.base.get_decoder(),
        }
        self._part = {names.get(id(module), ""): part for part, module in modules.items()}
        if head := names.get(id(self.base.get_output_embeddings())):
            self._part[head] = "language"
        language = names.get(id(modules["language"]), "")
        for name in [*names.values(), *(name for name, _ in self.base.named_parameters())]:
            in_language = name.startswith(f"{language}.")
            if name.rpartition(".")[2] in CONNECTORS and not in_language:
                self._part[name] = "connector"
        self._check()

    def _check(self) -> None:
        parts = set(self._part.values())
        unknown = [name for name, _ in self.base.named_parameters() if self.part(name) is None]
        if "" in self._part or parts != set(PARTS) or unknown:
            reason = f"no part holds {unknown[0]}" if unknown else f"it has only {sorted(parts)}"
            raise InputError(
                f"{type(self.base).__name__}: language model, connector and vision tower cannot be "
                f"told apart ({reason}); expected a model built like Idefics3, LLaVA, LLaVA-NeXT, "
                "Qwen-VL or Gemma 3"
            )

    def part(self, name: str) -> str | None:
        """Return the part of the module or parameter that has this name in the base model."""
        while name not in self._part and name:
            name = name.rpartition(".")[0]
        return self._part.get(name)

    def freeze_all_but(self, chosen: Collection[str]) -> None:
        """Train every parameter of the chosen parts and freeze all others."""
        for name, parameter in self.base.named_parameters():
            parameter.requires_grad_(self.part(name) in chosen)

    def linear_layers(self, chosen: Collection[str]) -> str:
        """Return a regular expression that matches the full names of the chosen linear layers.

        It is meant for LoRA's `target_modules`. The output layer is left out, because TRL computes
        the loss without calling it.
        """
        from torch.nn import Linear

        head = self.base.get_output_embeddings()
        patterns = {
            name: re.sub(r"\\\.\d+(?=\\\.)", r"\\.\\d+", re.escape(name))
            for name, module in self.base.named_modules()
            if isinstance(module, Linear) and module is not head and self.part(name) in chosen
        }
        return "|".join(sorted(set(patterns.values())))

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many parameters each part has, and how many of them are trained."""
        counts = {part: {"parameters": 0, "trained": 0} for part in PARTS}
        for name, parameter in self.base.named_parameters():
            count = counts[self.part(name)]
            size = _size(parameter)
            count["parameters"] += size
            count["trained"] += size * parameter.requires_grad
        return counts

    def check_frozen(self, chosen: Collection[str]) -> None:
        """Raise InputError if a parameter outside the chosen parts would be trained."""
        for name, parameter in self.base.named_parameters():
            if parameter.requires_grad and (part := self.part(name)) not in chosen:
                raise InputError(
                    f"{name} would be trained, but it belongs to {part}, and only "
                    f"{', '.join(sorted(chosen))} may be trained; expected lora_target_modules and "
                    "lora_modules_to_save within the chosen parts, or none",
                    parameter="tune",
                )


def summary(counts: dict[str, dict[str, int]]) -> str:
    """Return one line for each part that says how many of its parameters are trained."""
    return "\n".join(
        f"{part:9} {count['trained']:>14,} of {count['parameters']:>14,} parameters trained"
        for part, count in counts.items()
    )


def _size(parameter) -> int:
    """Return how many numbers a parameter has, also if DeepSpeed or bitsandbytes stores it."""
    if quantized := getattr(parameter, "quant_state", None):
        return quantized.shape.numel()
    return getattr(parameter, "ds_numel", parameter.numel())
