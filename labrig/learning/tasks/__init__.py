"""Tasks: one file each, found by its name in the `task` section."""

from labrig.extensions import Extensions
from labrig.learning.tasks.goals import Goal, goals_judged, goals_section
from labrig.learning.tasks.task import Task, TaskContext, Terminals

TASKS = Extensions(
    noun="task",
    package="labrig.learning.tasks",
    own={
        "classification": "Classification",
        "allostery": "Allostery",
        "regression": "Regression",
        "xor": "Xor",
        "divider": "Divider",
    },
    kind=Task,
)

__all__ = ["TASKS", "Goal", "Task", "TaskContext", "Terminals", "goals_judged", "goals_section"]
