"""Waits until a deployed stack has converged, and says why where it has not.

Replicas and workers move together: where Swarm rolls one service back, the others that this deploy
changed are rolled back too. Else they would run the code, passwords and keys of two deploys.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.docker import DeployError, docker, last_lines
from deploy.stack import Service, Services, Stack, Task, runs, same_tasks

TIMEOUT = 300.0  # seconds without any progress
POLL = 1.0
LOG_LINES = 15
# What Swarm says of an update that is over, and of one that failed.
DONE = ("", "completed")
FAILED = ("paused", "rollback_started", "rollback_paused", "rollback_completed")
# A first deploy has nothing to roll back to: Swarm would restart its tasks for ever.
MAX_FAILURES = 4  # of one replica; Swarm remembers no more
ENDED = ("failed", "rejected", "orphaned", "complete")
PREPARED = ("new", "pending", "assigned", "accepted", "preparing")


@dataclass
class Rollout:
    """One deploy of ``stack`` on its way.

    Attributes:
        before: the services as they were.
        wanted: the services as they shall be.
        report: takes a line for the operator.
    """

    stack: Stack
    before: Services
    wanted: Services
    report: Callable[[str], None]
    timeout: float = TIMEOUT
    _old: set[str] = field(default_factory=set, init=False)
    _seen: list[str] = field(default_factory=list, init=False)
    _moved: float = field(default_factory=time.monotonic, init=False)

    def wait(self) -> None:
        """Returns when every service runs what was ordered.

        Raises:
            DeployError: one does not, with the reason. By then the changed services are back at
                what ran before.
        """
        self._old = {task["ID"] for task in self.stack.tasks()}
        time.sleep(2 * POLL)  # until Swarm has looked at the order
        while True:
            services, tasks = self.stack.services(), self.stack.tasks()
            behind = self._behind(services, tasks, DONE)
            if not behind:
                return
            failed = [n for n in behind if _state(services.get(n)) in FAILED]
            failed = failed or self._restarted(behind, tasks)
            if failed or not self._moves(services, tasks):
                reasons = "\n".join(
                    self._reason(name, services, tasks) for name in failed or behind
                )
                raise DeployError(f"{reasons}\n{self._roll_back(services)}")
            time.sleep(POLL)

    def _behind(self, services: Services, tasks: list[Task], settled: tuple[str, ...]) -> list[str]:
        """Returns the services that do not run what is wanted of them, all tasks of them alike."""
        behind = []
        for name, wanted in self.wanted.items():
            service = services.get(name)
            own = [
                task for task in _running(tasks) if service and task["ServiceID"] == service["ID"]
            ]
            if (
                not service
                or not same_tasks(service, wanted)
                or _state(service) not in settled
                or not all(runs(task, wanted) for task in own)
                or len(own) != self.stack.replicas(service)
            ):
                behind.append(name)
        return behind

    def _moves(self, services: Services, tasks: list[Task]) -> bool:
        """Tells of progress; returns whether there was some within the time that is allowed."""
        now = []
        for name, service in sorted(services.items()):
            own = [task for task in _running(tasks) if task["ServiceID"] == service["ID"]]
            new = [task for task in own if runs(task, service)]
            now.append(
                f"  {name}: {len(new)} new of {len(own)} running. {_state(service)}".rstrip()
            )
        for line in [line for line in now if line not in self._seen]:
            self.report(line)
        if now != self._seen:
            self._seen, self._moved = now, time.monotonic()
        return time.monotonic() - self._moved < self.timeout

    def _restarted(self, behind: list[str], tasks: list[Task]) -> list[str]:
        """Returns services whose replica ended again and again, once nothing else is on its way."""
        if any(t["Status"]["State"] in PREPARED and t["DesiredState"] == "running" for t in tasks):
            return []
        found = []
        for name in behind:
            ended = [t for t in self._ended(self.wanted[name], tasks) if t["ID"] not in self._old]
            slots = Counter(task.get("Slot") or task.get("NodeID") for task in ended)
            if max(slots.values(), default=0) >= MAX_FAILURES:
                found.append(name)
        return found

    def _ended(self, wanted: Service, tasks: list[Task]) -> list[Task]:
        """Returns tasks of a service, as it is wanted, that ended by themselves; the last one last."""
        own = [task for task in tasks if task["ServiceID"] == wanted["ID"] and runs(task, wanted)]
        ended = [task for task in own if task["Status"]["State"] in ENDED]
        return sorted(ended, key=lambda task: str(task["Status"]["Timestamp"]))

    def _reason(self, name: str, services: Services, tasks: list[Task]) -> str:
        """Returns what Swarm says of the service, its last failed task's error and last lines."""
        message = (services.get(name, {}).get("UpdateStatus") or {}).get("Message")
        wanted = self.wanted[name]
        ended = self._ended(wanted, tasks)
        # Else one that cannot even start, such as: no suitable node.
        failed = ended or [t for t in tasks if runs(t, wanted) and t["Status"].get("Err")]
        said = [f"{name}: {message or 'it does not come up'}"]
        for task in failed[-1:]:
            status = task["Status"]
            said.append(f"  task {task['ID']} {status['State']}: {status.get('Err', 'no error')}")
            said += [f"  | {line}" for line in last_lines(task["ID"], LOG_LINES)]
        return "\n".join(said)

    def _roll_back(self, services: Services) -> str:
        """Rolls back each changed service that Swarm does not, and waits until all are back."""
        changed = {
            name: old
            for name, old in self.before.items()
            if name in self.wanted and not same_tasks(old, self.wanted[name])
        }
        if not changed:
            return "Nothing that ran before was changed."
        self.report("The deploy failed. Rolling back what it changed.")
        for name in changed:
            if same_tasks(services[name], self.wanted[name]):
                docker("service", "rollback", "--detach", f"{self.stack.name}_{name}")
        self.wanted, self._moved = changed, time.monotonic()
        while True:
            services, tasks = self.stack.services(), self.stack.tasks()
            behind = self._behind(services, tasks, (*DONE, "rollback_completed"))
            if not behind:
                return f"Rolled back: {', '.join(changed)} run what ran before."
            if not self._moves(services, tasks):
                see = f"docker stack ps {self.stack.name}"
                return f"Not rolled back: {', '.join(behind)}. Next: {see}"
            time.sleep(POLL)


def _state(service: Service | None) -> str:
    return str(((service or {}).get("UpdateStatus") or {}).get("State", ""))


def _running(tasks: list[Task]) -> list[Task]:
    return [t for t in tasks if t["Status"]["State"] == t["DesiredState"] == "running"]
