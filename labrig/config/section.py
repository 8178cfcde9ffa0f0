"""The base class of all sections of a configuration, a strict pydantic model, and the composition of sections."""

from __future__ import annotations

from functools import cache
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from labrig.config.key_texts import described


class Section(BaseModel):
    """A map of the configuration.

    If a validator of the whole section blames one key, its message starts with 'KEY: '.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
        json_schema_extra=described,
    )

    example: ClassVar[str] = ""
    """An example for error messages."""


def exactly_one(section: Section, names: tuple[str, ...]) -> None:
    """Raise ValueError unless exactly one of these keys is given."""
    given = [name for name in names if getattr(section, name) is not None]
    wanted = f"write exactly one of {', '.join(names)}"
    if not given:
        raise ValueError(wanted)
    if len(given) > 1:
        raise ValueError(f"{given[-1]}: {wanted}, not {' and '.join(given)}")


class NoOptions(Section):
    """The options of a class that has none."""


class OptionError(ValueError):
    """An option has an unusable value.

    Parameters
    ----------
    key : str or tuple
        The key, or its path within the options: 'data', ('targets', 2).
    message : str
        The mistake and the remedy.
    """

    def __init__(self, key: str | tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.key = (key,) if isinstance(key, str) else key


Options = TypeVar("Options", bound=Section)


@cache
def composed(name: str, base: type[Section], *options: type[Section], any_key: bool = False) -> type[Section]:
    """Return a section model with the keys of `base` and of all `options`.

    Parameters
    ----------
    name : str
        Name of the model.
    base : type
        Model whose keys come first.
    *options : type
        Models with further keys.
    any_key : bool
        Accept unknown keys, because one of the models was not found.

    Raises
    ------
    ValueError
        If two of the models have the same key.
    """
    known = dict.fromkeys(base.model_fields, base)
    for model in options:
        for key in model.model_fields:
            if known.setdefault(key, model) is not model:
                raise ValueError(f"key {key!r} is defined by both {known[key].__module__} and {model.__module__}")
    wanted = tuple(dict.fromkeys(model for model in options if model is not NoOptions))
    if not wanted and not any_key:
        return base
    section = create_model(name, __base__=(*wanted, base))  # the keys of the last base come first
    if not any_key:
        return section

    class AnyKey(section):
        model_config = ConfigDict(extra="ignore")

    return AnyKey


def part(section: Section, options: type[Options]) -> Options:
    """Return the options contained in a composed section, as their own model."""
    return options.model_construct(**{key: getattr(section, key) for key in options.model_fields})
