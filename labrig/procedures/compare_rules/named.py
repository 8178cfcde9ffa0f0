"""A rule and its options written as one word, `equilibrium_propagation/nudge=one_sided`.

Mistakes are reported at their place in `--rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labrig.config.overrides import FILE
from labrig.config.problems import ConfigProblems, Mark, Problems
from labrig.errors import UsageError
from labrig.extensions import UnknownExtension
from labrig.learning.rules import RULES

OPTION = "--rules"
_NAME, _OPTION = "learning.rule=", "learning."


@dataclass(frozen=True)
class NamedRule:
    """A rule as given on the command line.

    Parameters
    ----------
    text : str
        NAME or NAME/KEY=VALUE/…; NAME may be a dotted path.
    """

    text: str

    @property
    def overrides(self) -> tuple[str, ...]:
        """Overrides that set this rule and its options in a configuration.

        Raises
        ------
        UsageError
            If an option has no value.
        """
        name, *options = self.text.split("/")
        for option in options:
            if not option.partition("=")[2]:
                raise UsageError(f"{OPTION}: {self.text}: {option!r} has no value", remedy="write NAME/KEY=VALUE")
        return (f"{_NAME}{name}", *(f"{_OPTION}{option}" for option in options))

    @property
    def options_in_words(self) -> str:
        """The options of this rule as a sentence; empty if there is no such rule."""
        name = self.text.partition("/")[0]
        try:
            known = list(RULES.find(name).Options.model_fields)
        except UnknownExtension:
            return ""
        return f"{name} has the options {', '.join(known)}" if known else f"{name} has no options of its own"


def at_rules(error: ConfigProblems, rules: Sequence[str], rule: int, overrides: int) -> ConfigProblems:
    """Return the problems of a configuration; those that come from a rule are given their place in `--rules`.

    Parameters
    ----------
    error : ConfigProblems
        Problems of a configuration that was overridden by a rule.
    rules : sequence of str
        All rules as given on the command line.
    rule : int
        Index of that rule.
    overrides : int
        Number of other overrides, which precede those of the rule.
    """
    given = ",".join(rules)
    first = sum(len(each) + 1 for each in rules[:rule])
    parts = rules[rule].split("/")
    found = Problems()
    found.add_source(OPTION, given)
    moved = False
    for problem in error.problems:
        mark, message = problem.mark, problem.message
        if mark is not None and mark.file == FILE and mark.line > overrides:
            part = mark.line - overrides - 1
            before = first + sum(len(each) + 1 for each in parts[:part])
            column = mark.column - len(_OPTION if part else _NAME)
            mark, moved = Mark(OPTION, 1, before + max(1, column)), True
            known = NamedRule(rules[rule]).options_in_words
            if message.startswith("unknown key") and known:
                message = f"{message.partition('; allowed')[0]}; {known}"
        found.add(mark, problem.path, message)
    return ConfigProblems(list(found), found.render()) if moved else error
