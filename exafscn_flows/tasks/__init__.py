"""What is learned: one of several classes, or a number.

Everything that depends on it, from what a model is fitted on to how good its predictions are, is
in here: what comes before and after treats both alike.
"""

from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks.base import Task
from exafscn_flows.tasks.classes import ClassesTask
from exafscn_flows.tasks.numbers import NumbersTask

__all__ = ["ClassesTask", "NumbersTask", "Task", "task_named"]

_TASKS: dict[TaskName, Task] = {task.name: task for task in (ClassesTask(), NumbersTask())}


def task_named(name: TaskName) -> Task:
    """Return the task of a target by its name, "classes" or "numbers"."""
    return _TASKS[name]
