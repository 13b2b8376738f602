"""Sections of a recipe: groups of keys, and one section of several that a recipe chooses by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Annotated, Any, Optional, TypeVar, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

LARGEST_NUMBER = 1e30
"""Bound of rates and the like: well within float32, which they become."""

SMALLEST_EPS = 1e-30

SectionType = TypeVar("SectionType", bound="Section")


class Section(BaseModel):
    """A group of keys: unknown ones are refused, types are not converted, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check(self: SectionType) -> SectionType:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        """What is wrong with values that are each right by themselves."""
        return iter(())


class OneOf:
    """Marks a key whose section is chosen by its ``name``: ``Annotated[Base, OneOf(REGISTRY)]``.

    The registry has the place of each section by name, as ``module.Class``. ``default`` is the name where
    none is given. A key that only other sections of the registry have is unknown, unless it says null or
    their default: configurations of earlier versions say all keys, and an override may change the name alone.
    """

    def __init__(self, registry: Mapping[str, str], default: Optional[str] = None) -> None:
        self._registry = registry
        self.default = default

    @cached_property
    def sections(self) -> dict[str, type[Section]]:
        """The sections by name, imported when they are first asked for."""
        places = {name: place.rpartition(".") for name, place in self._registry.items()}
        return {name: getattr(import_module(module), cls) for name, (module, _, cls) in places.items()}

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        sections: Any = Union[tuple(self.sections.values())]
        union = Annotated[sections, Field(discriminator="name")]
        return core_schema.no_info_before_validator_function(self._prepare, handler.generate_schema(union))

    def _prepare(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        named = {"name": self.default, **value} if self.default else value
        if named.get("name") not in list(self.sections):
            return named
        own = self.sections[named["name"]].model_fields
        return {key: one for key, one in named.items() if key in own or not self._changes_nothing(key, one)}

    def without_unused(self, value: Any) -> Any:
        """``value`` without the keys that only other sections have, whatever they say."""
        if not isinstance(value, dict) or value.get("name") not in list(self.sections):
            return value
        own = self.sections[value["name"]].model_fields
        others = {key for section in self.sections.values() for key in section.model_fields}
        return {key: one for key, one in value.items() if key in own or key not in others}

    def _changes_nothing(self, key: str, value: Any) -> bool:
        fields = [
            section.model_fields[key] for section in self.sections.values() if key in section.model_fields
        ]
        return any(value is None or _is_default(value, field.default) for field in fields)


def choice_of(field: FieldInfo) -> Optional[OneOf]:
    """What marks the key ``field``, which may be optional, as one of several sections."""
    marks = [*field.metadata, *(part for one in get_args(field.annotation) for part in get_args(one))]
    return next((mark for mark in marks if isinstance(mark, OneOf)), None)


def within_sentence(text: str) -> str:
    """A description as part of a sentence: no full stop, a small letter first unless it begins like L2."""
    text = text.rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(default, Section) and isinstance(value, dict):
        return default.model_dump().items() <= value.items()
    return bool(value == default)
