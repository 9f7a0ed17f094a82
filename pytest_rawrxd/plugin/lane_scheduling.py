"""Which worker of xdist runs which test: the one whose lane has the card that the test is about.

xdist's own schedulers hand tests to whoever is free, which would measure a card on another one. A lane gets all of its
tests at once, those that look at every card last; one whose worker died gives the rest to the worker in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_rawrxd.plugin.card_tests import HOST, lane_named


class LaneScheduling:
    """Implements xdist's ``Scheduling``. ``lane_of`` says which lane a node has, ``lanes`` how many nodes there are."""

    def __init__(self, lanes: int, lane_of: Callable[[Any], int]) -> None:
        self._lanes = lanes
        self._lane_of = lane_of
        self._lane: dict[Any, int] = {}
        self._collected: dict[Any, list[str]] = {}
        self._collection: list[str] = []
        self._queues: dict[int, list[int]] | None = None  #: lane -> tests that no worker has yet
        self._running: dict[Any, list[int]] = {}  #: node -> tests that it was sent and has not ended

    @property
    def nodes(self) -> list[Any]:
        return list(self._running)

    @property
    def collection_is_completed(self) -> bool:
        return self._queues is not None or len(self._collected) >= self._lanes

    @property
    def tests_finished(self) -> bool:
        return self._queues is not None and not self.has_pending

    @property
    def has_pending(self) -> bool:
        return any((self._queues or {}).values()) or any(self._running.values())

    def add_node(self, node: Any) -> None:
        self._running[node] = []
        self._lane[node] = self._lane_of(node)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        self._collected[node] = list(collection)

    def schedule(self) -> None:
        """Send every node that has nothing what its lane still has, and let it end after that."""
        if self._queues is None:
            self._collection = next(iter(self._collected.values()))
            self._queues = queues(self._collection, self._lanes)
        for node, running in self._running.items():
            if running or node.shutting_down or node not in self._collected:
                continue
            if self._collected[node] != self._collection:
                raise RuntimeError(f"{node.gateway.id} collected other tests than the first worker")
            if tests := self._queues.pop(self._lane[node], []):
                running.extend(tests)
                node.send_runtest_some(tests)
            node.shutdown()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:  # noqa: ARG002
        self._running[node].remove(item_index)

    def mark_test_pending(self, item: str) -> None:
        """Nothing here runs a test again: a repeat until it passes would hide a broken promise."""
        raise RuntimeError(f"a test of a card is run once, and was asked for again: {item}")

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Nothing here takes tests back from a worker."""
        raise RuntimeError(f"a lane keeps its tests, and {len(indices)} were asked back of {node.gateway.id}")

    def remove_node(self, node: Any) -> str | None:
        """Forget a node and return the test in which it died; what its lane has left waits for another one."""
        self._collected.pop(node, None)
        running = self._running.pop(node)
        if not running or self._queues is None:
            return None
        died, *left = running
        self._queues[self._lane[node]] = left
        return self._collection[died]


def queues(collection: Sequence[str], lanes: int) -> dict[int, list[int]]:
    """Lane -> its tests by position, in their order, those of the whole host last.

    A test of a card that has no lane is the first lane's, which says that nothing measures it.
    """
    found: dict[int, list[int]] = {lane: [] for lane in range(lanes)}
    late = []
    for position, name in enumerate(collection):
        lane = lane_named(name)
        if lane == HOST:
            late.append(position)
        else:
            found[lane if isinstance(lane, int) and lane < lanes else 0].append(position)
    found[0] += late
    return found
