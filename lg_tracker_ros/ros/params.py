"""Parameters: declared from what Settings and NodeOptions say about them, changed together."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import Any, Callable, Sequence

from lg_tracker_ros.parameters.description import unknown as unknown_name
from lg_tracker_ros.parameters.node import NODE_PARAMETERS, NodeOptions, of_ros
from lg_tracker_ros.parameters.tracker import RENAMED, renamed, Settings
from lg_tracker_ros.ros.transports.topics import image_topic
from lg_tracker_ros.words.lines import one_line, told
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

_FIELDS = (*fields(Settings), *fields(NodeOptions))
NAMES = tuple(f.name for f in _FIELDS)
"""Names of all parameters of the node."""
OUTPUTS = ('~/debug_image', '~/attention', '~/targets')
"""Topics of the node's own that have a type which it takes in."""
_KINDS = {str: 'text', list: 'a list of texts', bool: 'true or false', int: 'a whole number',
          float: 'a number'}


def descriptor(name: str) -> ParameterDescriptor:
    """Describe a parameter as ``ros2 param describe`` shows it."""
    f = next(f for f in _FIELDS if f.name == name)
    meta, kind = f.metadata, type(f.default)
    notes = []
    if meta['choices']:
        notes.append('One of: ' + ', '.join(meta['choices']) + '.')
    if meta.get('rebuild'):
        notes.append('Changed only while the node is unconfigured.')
    if meta.get('when'):
        notes.append(f"Changed only {meta['when']}.")
    result = ParameterDescriptor(description=meta['text'], additional_constraints=' '.join(notes),
                                 read_only=meta.get('when') == 'at start')
    limits = meta['limits']
    if limits is not None and kind is int:
        result.integer_range = [IntegerRange(
            from_value=int(limits.low), to_value=int(limits.high), step=1)]
    elif limits is not None:
        result.floating_point_range = [FloatingPointRange(
            from_value=float(limits.low), to_value=float(limits.high))]
    return result


def declare(node: Node) -> dict[str, str]:
    """
    Declare every parameter; return what is wrong with the values given at the start.

    A wrong value is not fatal: the default stands in for it, and the node refuses to be
    configured, with the reason, until the parameter is set right.
    """
    given = _overrides(node)
    wrong = {}
    for f in _FIELDS:
        default = list(f.default) if isinstance(f.default, tuple) else f.default
        if isinstance(default, list) and type(given.get(f.name)) is str:
            # image_topics:=/camera/image_raw, without the brackets: what is meant is plain
            node._parameter_overrides[f.name] = Parameter(
                f.name, Parameter.Type.STRING_ARRAY, [given[f.name]])
        if isinstance(default, float) and type(given.get(f.name)) is int:
            # a file says 1 where ROS wants 1.0: no reason to fail
            node._parameter_overrides[f.name] = Parameter(
                f.name, Parameter.Type.DOUBLE, float(given[f.name]))
        try:
            if f.name in given and given[f.name] is None:
                raise InvalidParameterValueException(
                    f.name, '[]', 'an empty list has no type in ROS, so that it counts as none; '
                    'leave it out for the default')
            node.declare_parameter(f.name, default, descriptor(f.name))
        except (InvalidParameterTypeException, InvalidParameterValueException,
                InvalidParameterException) as e:
            wrong[f.name] = (mistyped(f.name, given[f.name], default)
                             if isinstance(e, InvalidParameterTypeException) else one_line(e))
            node.declare_parameter(f.name, default, descriptor(f.name), ignore_override=True)
    return wrong


def mistyped(name: str, value: Any, like: Any) -> str:
    """
    Say that a value isn't of the type of ``like``, and how text is written that YAML takes for it.

    What YAML makes of it can't be turned back: of 007 the number 7, of on and yes a truth.
    """
    alone = isinstance(value, str) or not hasattr(value, '__iter__')
    got = value if alone else list(value)
    text = f'{name} must be {_KINDS[type(like)]}, got {one_line(repr(got), 60)}'
    if not isinstance(like, (str, list)):
        return text
    words = ['...' if isinstance(v, bool) else str(v) for v in ([got] if alone else got)]
    wrote = f"'{','.join(words)}'" if isinstance(like, str) else str(words)
    return f'{text}; quote what you wrote, for YAML: "{one_line(wrote, 60)}"'


def lenient(node: Node, changes: Sequence[Parameter]) -> list[Parameter]:
    """
    Take a whole number for a float, and pass over what is read-only and stays as it is.

    So that ``ros2 param set beta1 1`` and the node's own dump, loaded again, need no excuse.
    """
    result = []
    for change in changes:
        if node.has_parameter(change.name):
            now = node.get_parameter(change.name)
            if (now.type_, change.type_) == (Parameter.Type.DOUBLE, Parameter.Type.INTEGER):
                change = Parameter(change.name, Parameter.Type.DOUBLE, float(change.value))
            if node.describe_parameter(change.name).read_only and change.value == now.value:
                continue
        result.append(change)
    # rclpy refuses an empty list; this one changes nothing
    return result or [node.get_parameter('use_sim_time')]


def check_names(changes: Sequence[Parameter]) -> None:
    """Raise ValueError for a change without a name, which rclpy would let pass."""
    if not all(c.name for c in changes):
        raise ValueError('a parameter must have a name')


def check_topics(node: Node, options: NodeOptions) -> None:
    """Raise ValueError for no topic name, the node's own output, and a camera named twice."""
    full: dict[str, str] = {}
    for topic in options.topics:
        try:
            full[topic] = node.resolve_topic_name(topic)
        except Exception as e:  # rclpy has a name for it that moved between releases
            cure = '; several are a list: [/a, /b]' if ',' in topic else ''
            raise ValueError(f'{one_line(topic, 60)!r} is no topic name: '
                             f'{str(e).splitlines()[0].split(", at ")[0]}{cure}') from e
    own = {node.resolve_topic_name(t) for t in OUTPUTS}
    if loops := [topic for topic in full if full[topic] in own]:
        raise ValueError(f"{one_line(loops[0], 60)!r} is this node's own output; name the topic "
                         'of a camera or a detector')
    # a camera's compressed images are found beside its raw ones: they are no second camera
    images = [image_topic(full[t]) for t in options.image_topics]
    if len(set(images)) < len(images):
        raise ValueError('image_topics must differ from each other, got '
                         f'{list(options.image_topics)}, which are {images}')


def answer_always(node: Node) -> None:
    """
    Let rclpy's services that set parameters answer a request that they can't read, too.

    It raises for a value of a type that it doesn't know, which would end the node. Its words for a
    name that isn't there, or can't be changed, say neither which one may be meant nor what helps.
    """
    for service in node.services:
        if service.srv_type in (SetParameters, SetParametersAtomically):
            service.callback = partial(_answer, node, service.callback)


def _answer(node: Node, callback: Callable[[Any, Any], Any], request: Any, response: Any) -> Any:
    several = isinstance(response, SetParameters.Response)
    try:
        response = callback(request, response)
    except (ValueError, TypeError) as e:
        refused = SetParametersResult(successful=False, reason=f'refused: {told(e)}')
        if several:
            response.results += [refused] * (len(request.parameters) - len(response.results))
        else:
            response.result = refused
    for i, asked in enumerate(request.parameters):
        result = response.results[i] if several else response.result
        if not result.successful and (why := _never(node, asked)):
            result.reason = why
    return response


def _never(node: Node, asked: Any) -> str:
    """Say why a parameter can't be set to anything else, and what helps; empty if it can."""
    name = asked.name
    if not name:
        return ''
    if not node.has_parameter(name):
        return no_parameter(name)
    if node.describe_parameter(name).read_only and (
            asked.value != node.get_parameter(name).get_parameter_value()):
        return f'{name} is read-only: give it at the start, and start the node anew'
    now, kinds = node.get_parameter(name), {kind.value for kind in Parameter.Type}
    if asked.value.type in kinds - {Parameter.Type.NOT_SET.value, now.type_.value}:
        value = Parameter.from_parameter_msg(asked).value
        if not (type(value) is int and now.type_ is Parameter.Type.DOUBLE):
            return mistyped(name, value, now.value)
    return ''


def no_parameter(name: str) -> str:
    """Say that no parameter has this name: it is one of before, or a typing error perhaps."""
    return renamed(name) if name in RENAMED else unknown_name(one_line(name, 60), NAMES)


def unknown(node: Node) -> list[str]:
    """Say, a line each, which names were given at the start and mean nothing."""
    names = sorted(n for n in _overrides(node)
                   if not node.has_parameter(n) and not of_ros(n))
    return [f'{no_parameter(n)} (its value is not used)' for n in names]


def _overrides(node: Node) -> dict[str, Any]:
    # no public way in rclpy from Humble to Kilted
    return {n: p.value for n, p in getattr(node, '_parameter_overrides', {}).items()}


def read(node: Node) -> tuple[Settings, NodeOptions]:
    """Return all parameters; raises ValueError in one line for a wrong set."""
    return merge(Settings(), NodeOptions(), [node.get_parameter(n) for n in NAMES])


def read_options(node: Node) -> NodeOptions:
    """Return the node's own parameters; raises ValueError in one line for a wrong set."""
    return merge(Settings(), NodeOptions(), [node.get_parameter(n) for n in NODE_PARAMETERS])[1]


def merge(settings: Settings, options: NodeOptions, changes: Sequence[Parameter]
          ) -> tuple[Settings, NodeOptions]:
    """Put ``changes`` in, all together; names of other parameters are passed over."""
    values = {p.name: p.value for p in changes if p.name in NAMES}
    own = {n: v for n, v in values.items() if n in NODE_PARAMETERS}
    rest = {n: v for n, v in values.items() if n not in NODE_PARAMETERS}
    # what stays as it is was checked before: thousands of changes in one call hold the node
    return settings.changed(rest) if rest else settings, options.changed(own) if own else options
