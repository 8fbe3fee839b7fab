"""Values that belong to one app of this process: its settings, its bus, its connections.

Code of a tool calls ``publish()`` or ``http.client()`` without an app. Two apps in one process must not
share what these find, so each value is kept for the app that runs the calling code.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Values = dict[Any, Any]

_entered: ContextVar[Values | None] = ContextVar("app_values", default=None)
# Of the apps that run, in order of their start. The first is the process's: for code without an app, such
# as a test that starts the database itself.
_running: list[Values] = [{}]


def enter(values: Values) -> None:
    """Makes `values` those of this task, and of the tasks and threads that it starts."""
    _entered.set(values)


@contextmanager
def running(values: Values) -> Iterator[None]:
    """Enters `values`; until the end, code that has entered none gets them too."""
    before = _entered.get()
    enter(values)
    _running.append(values)
    try:
        yield
    finally:
        _running.remove(values)
        _entered.set(before)


class AppValue(Generic[T]):
    """One value of each app."""

    def get(self) -> T | None:
        """Returns the current app's value, or the process's; None if there is none."""
        found: T | None = _current().get(self, _running[0].get(self))
        return found

    def set(self, value: T) -> None:
        """Sets the current app's value."""
        _current()[self] = value

    def take(self) -> T | None:
        """Removes the value that ``get`` returns, and returns it."""
        values = _current() if self in _current() else _running[0]
        found: T | None = values.pop(self, None)
        return found


def _current() -> Values:
    entered = _entered.get()
    return _running[-1] if entered is None else entered
