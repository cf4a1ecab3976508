"""Services for each of several targets: reset, reject, confirm."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from lg_tracker_ros.ros.target_services import QUEUE, TargetServices
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_srvs.srv import Trigger


class TeamServices:
    """Offers ``~/target_n/reset``, ``reject`` and ``confirm`` for the targets n, from 1 on."""

    def __init__(self, node: Node, targets: TargetServices, count: int) -> None:
        """Offer them for ``count`` targets; what is asked for ``targets`` does."""
        group = ReentrantCallbackGroup()

        def offer(name: str, work: Callable[[], str]) -> None:
            def answer(request: Any, response: Any) -> Any:
                return targets.respond(response, work)
            node.create_service(Trigger, name, answer, qos_profile=QUEUE, callback_group=group)
        for place in range(count):
            here = f'~/target_{place + 1}'
            offer(f'{here}/reset', partial(targets.reset, place))
            offer(f'{here}/reject', partial(targets.advise, False, place))
            offer(f'{here}/confirm', partial(targets.advise, True, place))
