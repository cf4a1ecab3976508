"""The parameters of a node that runs: what they are, which change is refused, what one does."""

from __future__ import annotations

from functools import partial
from typing import Callable

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros import params
from lg_tracker_ros.words.lines import one_line
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter


class LiveParameters:
    """
    Declares a node's parameters; ``settings`` and ``options`` are what they say.

    A wrong set doesn't end the node at its start: it is told by ``read``, when the node is
    configured, and until then the defaults stand in.
    """

    def __init__(self, node: Node) -> None:
        """Declare them."""
        self._node = node
        self._wrong = params.declare(node)
        for line in params.unknown(node):
            node.get_logger().warning(line)
        self.settings, self.options = Settings(), NodeOptions()
        try:
            self.options = params.read_options(node)
            self.settings, _ = params.read(node)
        except ValueError:
            pass

    def read(self) -> None:
        """Read all of them; raises ValueError in one line for a wrong set."""
        if self._wrong:
            raise ValueError('; '.join(self._wrong.values()))
        self.settings, self.options = params.read(self._node)
        params.check_topics(self._node, self.options)

    def watch(self, state: Callable[[], str], taken: Callable[[Settings], None]) -> None:
        """Check changes by the node's ``state``; ``taken`` gets the settings of before each."""
        node, self._state, self._taken = self._node, state, taken
        if hasattr(node, 'add_pre_set_parameters_callback'):  # not in Humble
            node.add_pre_set_parameters_callback(partial(params.lenient, node))
        params.answer_always(node)
        node.add_on_set_parameters_callback(self._on_set)
        # Humble has no callback after the setting: there the checked values are taken at once
        self._sets_late = hasattr(node, 'add_post_set_parameters_callback')
        if self._sets_late:
            node.add_post_set_parameters_callback(self._after_set)

    def _on_set(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            params.check_names(changes)
            settings, options = params.merge(self.settings, self.options, changes)
            if self._state() != 'unconfigured' and self.settings.needs_rebuild(settings):
                raise ValueError('tracker, redetector, their weights, device and the like need '
                                 'new networks: deactivate and cleanup the node first')
            if self._state() == 'active' and (fixed := options.fixed(self.options)):
                raise ValueError(f'{", ".join(fixed)}: deactivate the node first')
            params.check_topics(self._node, options)
        except ValueError as e:
            return SetParametersResult(successful=False, reason=one_line(e))
        if not self._sets_late:
            self._take(settings, options, changes)
        return SetParametersResult(successful=True)

    def _after_set(self, changes: list[Parameter]) -> None:
        settings, options = params.merge(self.settings, self.options, changes)
        self._take(settings, options, changes)

    def _take(self, settings: Settings, options: NodeOptions,
              changes: list[Parameter]) -> None:
        before = self.settings
        self.settings, self.options = settings, options
        for change in changes:
            self._wrong.pop(change.name, None)
        self._taken(before)
