"""Where two YAML values differ, such as the YAML of a card and what it should be."""

from collections.abc import Iterator


def yaml_differences(
    actual, wanted, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield where two YAML values differ: the path of names, and both values as text."""
    actual, wanted = _by_name(actual), _by_name(wanted)
    if isinstance(actual, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys([*wanted, *actual]):
            longer = (*path, str(name)[:60])
            yield from yaml_differences(actual.get(name), wanted.get(name), longer)
    elif actual != wanted:
        yield path, _value_text(actual), _value_text(wanted)


def _by_name(value):
    """Return a list of records as a dictionary by the name of each record."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return value
    keys = ("config_name", "split", "name")
    names = [next((item[key] for key in keys if key in item), None) for item in value]
    return {
        name if isinstance(name, str) else str(index): item
        for index, (name, item) in enumerate(zip(names, value, strict=True))
    }


def _value_text(value) -> str:
    # A small YAML file can be endless when it is written out.
    if value is None or isinstance(value, str | int | float):
        return "nothing" if value is None else repr(value)[:80]
    return f"a {type(value).__name__}"
