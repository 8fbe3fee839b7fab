"""A Swarm formed of engines: the lab's, or the one of this laptop."""

from dataclasses import dataclass

from lab.swarm.engine import Engine


@dataclass
class Cluster:
    """Engines that make one Swarm; every one a manager, so that any may be lost.

    Attributes:
        engines: The first one is asked and keeps the data.
        addresses: Of the engines, in the same order; the balancer answers on each.
        own: Whether the Swarm was formed here, and so is dissolved in the end.
    """

    engines: list[Engine]
    addresses: list[str]
    own: bool = False

    @property
    def manager(self) -> Engine:
        """The engine to give orders to."""
        return self.engines[0]

    def form(self) -> None:
        """Makes the Swarm, unless these engines are in one already."""
        if self.is_formed():
            return
        self.own = True
        self.manager.docker("swarm", "init", "--advertise-addr", self.addresses[0])
        token = self.manager.docker("swarm", "join-token", "-q", "manager")
        for engine, address in zip(self.engines[1:], self.addresses[1:], strict=True):
            target = f"{self.addresses[0]}:2377"
            engine.docker("swarm", "join", "--token", token, "--advertise-addr", address, target)

    def dissolve(self) -> None:
        """Leaves the Swarm, if it was formed here."""
        for engine in reversed(self.engines) if self.own else ():
            engine.docker("swarm", "leave", "--force")

    def label_data_node(self) -> None:
        """Says which node keeps the data of Redis and PostgreSQL."""
        node = self.manager.docker("info", "--format", "{{.Swarm.NodeID}}")
        self.manager.docker("node", "update", "--label-add", "mcp-swarm.data=true", node)

    def is_formed(self) -> bool:
        """Whether the first engine is in a Swarm."""
        return self.manager.docker("info", "--format", "{{.Swarm.LocalNodeState}}") == "active"
