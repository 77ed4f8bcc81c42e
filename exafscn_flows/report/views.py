"""The view of each kind of targets."""

from exafscn_flows.report.classes import ClassesView
from exafscn_flows.report.curves import CurvesView
from exafscn_flows.report.numbers import NumbersView
from exafscn_flows.report.view import View
from exafscn_flows.targets.base import TaskName

_VIEWS: dict[str, View] = {view.task: view for view in (ClassesView(), NumbersView(), CurvesView())}


def view_of(task: TaskName) -> View:
    """Return the view of a kind of targets."""
    return _VIEWS[task]
