"""What of a model is trained: its parts, by the modules they are, never by the names of leaves."""

import re
from collections.abc import Collection

from psgvlm.errors import InputError

PARTS = ("language", "connector", "vision")
# What stands between vision tower and language model. Qwen keeps it inside the tower's module.
CONNECTORS = (
    "connector",  # Idefics3, SmolVLM
    "multi_modal_projector",  # LLaVA, LLaVA-NeXT, Gemma 3, InternVL
    "image_newline",  # LLaVA-NeXT
    "merger",  # Qwen
    "deepstack_merger_list",  # Qwen3-VL
)


def chosen_parts(tune: str) -> set[str]:
    """`--tune` read: `all`, or some of language, connector, vision with commas between."""
    chosen = {word.strip() for word in tune.split(",")}
    if chosen == {"all"}:
        return set(PARTS)
    if unknown := chosen - set(PARTS):
        raise InputError(
            f"--tune {tune}: {', '.join(sorted(unknown)) or 'nothing'} is no part of a model; "
            f"expected all, or some of {', '.join(PARTS)} with commas between"
        )
    return chosen


class Anatomy:
    """Where the parts of a vision-language model lie, by transformers' own accessors.

    Raises `InputError` for a model whose parts cannot be told apart.
    """

    def __init__(self, model):
        self.model = model
        # An adapter lies inside the modules of its base model, which keep their places.
        self.base = model.get_base_model() if hasattr(model, "get_base_model") else model
        names = {id(module): name for name, module in self.base.named_modules()}
        places = {
            "vision": self.base.get_encoder("image"),
            "language": self.base.get_decoder(),
        }
        self._part = {names.get(id(module), ""): part for part, module in places.items()}
        if head := names.get(id(self.base.get_output_embeddings())):
            self._part[head] = "language"
        language = names.get(id(places["language"]), "")
        for name in [*names.values(), *(name for name, _ in self.base.named_parameters())]:
            within = name.startswith(f"{language}.")
            if name.rpartition(".")[2] in CONNECTORS and not within:
                self._part[name] = "connector"
        found = set(self._part.values())
        unknown = [name for name, _ in self.base.named_parameters() if self.part(name) is None]
        if "" in self._part or found != set(PARTS) or unknown:
            raise InputError(
                f"{type(self.base).__name__}: language model, connector and vision tower cannot be "
                f"told apart ({f'no part holds {unknown[0]}' if unknown else f'found: {found}'}); "
                "expected a model built as Idefics3, LLaVA, LLaVA-NeXT, Qwen-VL or Gemma 3 are"
            )

    def part(self, name: str) -> str | None:
        """The part that a module or parameter of this name in the base model belongs to."""
        while name not in self._part and name:
            name = name.rpartition(".")[0]
        return self._part.get(name)

    def freeze_all_but(self, chosen: Collection[str]) -> None:
        """Train every parameter of the chosen parts, and none besides."""
        for name, parameter in self.base.named_parameters():
            parameter.requires_grad_(self.part(name) in chosen)

    def linear_layers(self, chosen: Collection[str]) -> str:
        """A regular expression that matches the full path of the chosen parts' linear layers alone.

        For LoRA's `target_modules`. The output layer is left out: TRL computes the loss past it.
        """
        from torch.nn import Linear

        head = self.base.get_output_embeddings()
        paths = {
            name: re.sub(r"\\\.\d+(?=\\\.)", r"\\.\\d+", re.escape(name))
            for name, module in self.base.named_modules()
            if isinstance(module, Linear) and module is not head and self.part(name) in chosen
        }
        return "|".join(sorted(set(paths.values())))

    def counts(self) -> dict[str, dict[str, int]]:
        """All parameters, and those that are trained, of each part."""
        counted = {part: {"parameters": 0, "trained": 0} for part in PARTS}
        for name, parameter in self.base.named_parameters():
            of = counted[self.part(name)]
            size = _size(parameter)
            of["parameters"] += size
            of["trained"] += size * parameter.requires_grad
        return counted

    def check_frozen(self, chosen: Collection[str]) -> None:
        """Refuse an adapter or an option that trains what was not chosen."""
        for name, parameter in self.base.named_parameters():
            if parameter.requires_grad and (part := self.part(name)) not in chosen:
                raise InputError(
                    f"{name} would be trained and lies in {part}, which --tune "
                    f"{','.join(sorted(chosen))} leaves alone; expected lora_target_modules and "
                    "lora_modules_to_save within the chosen parts, or none"
                )


def summary(counts: dict[str, dict[str, int]]) -> str:
    """A line for each part: how much of it is trained."""
    return "\n".join(
        f"{part:9} {of['trained']:>14,} of {of['parameters']:>14,} parameters trained"
        for part, of in counts.items()
    )


def _size(parameter) -> int:
    """Numbers in a parameter, also where DeepSpeed has scattered or bitsandbytes packed them."""
    if quantized := getattr(parameter, "quant_state", None):
        return quantized.shape.numel()
    return getattr(parameter, "ds_numel", parameter.numel())
