"""What every section of a configuration is: a strict pydantic model, and how several become one section."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, create_model


class Section(BaseModel):
    """A map of the configuration.

    A validator of the whole section begins its message with 'KEY: ' if one key is to blame.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True, allow_inf_nan=False)

    example: ClassVar[str] = ""
    """How it may be written, for messages."""


def exactly_one(section: Section, names: tuple[str, ...]) -> None:
    """Raise ValueError unless exactly one of these keys is given."""
    given = [name for name in names if getattr(section, name) is not None]
    wanted = f"name exactly one of {', '.join(names)}"
    if not given:
        raise ValueError(wanted)
    if len(given) > 1:
        raise ValueError(f"{given[-1]}: {wanted}, not {' and '.join(given)}")


class NoOptions(Section):
    """Options of something that has none."""


class OptionError(ValueError):
    """An option that cannot be used.

    Parameters
    ----------
    key : str or tuple
        The key to blame, or the path to it within the options: 'data', ('targets', 2).
    message : str
        What is wrong and what to do.
    """

    def __init__(self, key: str | tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.key = (key,) if isinstance(key, str) else key


Options = TypeVar("Options", bound=Section)


@cache
def composed(name: str, base: type[Section], *options: type[Section]) -> type[Section]:
    """One section that has the keys of `base` and of all `options`.

    Raises
    ------
    ValueError
        If one key belongs to two of them.
    """
    known = dict.fromkeys(base.model_fields, base)
    for model in options:
        for key in model.model_fields:
            if known.setdefault(key, model) is not model:
                raise ValueError(f"key {key!r} belongs to {known[key].__module__} and to {model.__module__}")
    wanted = tuple(dict.fromkeys(model for model in options if model.model_fields or model is not NoOptions))
    if not wanted:
        return base
    fields: dict[str, Any] = {}
    return create_model(name, __base__=(*wanted, base), **fields)  # the keys of the last base come first


def part(section: Section, options: type[Options]) -> Options:
    """The options that a composed section holds, as their own model."""
    return options.model_construct(**{key: getattr(section, key) for key in options.model_fields})
