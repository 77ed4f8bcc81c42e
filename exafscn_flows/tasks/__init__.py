"""What is learned: one of several classes, a number, or a curve.

Everything that depends on it, from what a model is fitted on to how good its predictions are, is
in here: what comes before and after treats all alike.
"""

from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks.base import Task
from exafscn_flows.tasks.classes import ClassesTask
from exafscn_flows.tasks.curves import CurvesTask
from exafscn_flows.tasks.numbers import NumbersTask

__all__ = ["ClassesTask", "CurvesTask", "NumbersTask", "Task", "task_named"]

_TASKS: dict[TaskName, Task] = {
    task.name: task for task in (ClassesTask(), NumbersTask(), CurvesTask())
}


def task_named(name: TaskName) -> Task:
    """Return the task of a target by its name, "classes", "numbers" or "curves"."""
    return _TASKS[name]
