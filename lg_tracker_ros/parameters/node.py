"""
The node's own parameters, once: name, default, range, description. Imports no ROS.

The tracker's parameters are those of ``tracker.Settings``; a parameter file holds both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Mapping, Sequence

from lg_tracker_ros.media.formats import CAMERA_FORMATS, FORMATS
from lg_tracker_ros.parameters.description import described, out_of_range, Range

RELIABILITIES = ('auto', 'reliable', 'best_effort')


def _p(default: Any, text: str, limits: Range | None = None, choices: Sequence[str] = (),
       when: str = '') -> Any:
    """Describe a parameter; ``when`` says in words when it may be changed, empty: always."""
    return described(default, text, limits, choices, when=when)


@dataclass(frozen=True)
class NodeOptions:
    """The node's own parameters; raises ValueError in one line for a wrong set."""

    image_topics: tuple[str, ...] = _p(
        ('image',), 'Image topics, raw or compressed, one for each camera; all look for the same '
        'target.', when='while the node is not active')
    reliability: str = _p(
        'auto', "QoS of the image subscriptions; auto: that of the camera's publisher.",
        choices=RELIABILITIES, when='while the node is not active')
    autostart: bool = _p(True, 'Configure and activate without being told to.', when='at start')
    history_seconds: float = _p(
        3.0, 'How far back init_target can begin: seconds of images kept for each camera.',
        Range(0.0, 60.0))
    history_megabytes: float = _p(
        256.0, 'The same in memory: megabytes of images kept for each camera.',
        Range(1.0, 65536.0))
    lockstep: bool = _p(
        False, 'Process every frame in its order, however long it takes, instead of the newest: '
        'for replay, with the same result each time. Frames wait in memory meanwhile, up to '
        'history_megabytes for each camera.', when='while the node is not active')
    camera_timeout: float = _p(
        1.0, 'Seconds without an image after which a camera counts as silent; the target is then '
        'searched in the other cameras.', Range(0.05, 3600.0))
    init_timeout: float = _p(
        1.0, 'Seconds that init_target waits for an image that has yet to come.',
        Range(0.05, 60.0))
    compressed_formats: tuple[str, ...] = _p(
        CAMERA_FORMATS, 'Formats of compressed images that are decoded, recognised by content: '
        'of ' + ', '.join(FORMATS) + '. Others are refused: their decoders are old.')
    max_megapixels: float = _p(
        64.0, 'Compressed images that are larger by their header are refused before decoding.',
        Range(0.1, 1000.0))
    detections_topic: str = _p(
        '', 'A detector (vision_msgs/Detection2DArray) whose boxes may be the target; empty: '
        'none.', when='while the node is not active')
    detections_camera: str = _p(
        '', 'The image topic that the detector looks at; empty: that whose images have the '
        'frame_id of the detections.', when='while the node is not active')
    track_action: bool = _p(
        False, 'Offer the action track beside the service init_target.', when='at start')

    def __post_init__(self) -> None:
        """Check choices and ranges."""
        wrong = out_of_range(self)
        topics = self.image_topics
        if not topics or not all(topics):
            wrong.append(f'image_topics must name at least one topic, got {list(topics)}')
        if len(set(topics)) != len(topics):
            wrong.append(f'image_topics must differ from each other, got {list(topics)}')
        formats = self.compressed_formats
        if not formats or not set(formats) <= set(FORMATS):
            wrong.append(f'compressed_formats must be of {", ".join(FORMATS)}, '
                         f'got {list(formats)}')
        if wrong:
            raise ValueError('; '.join(wrong))

    def changed(self, values: Mapping[str, Any]) -> NodeOptions:
        """Return a copy with ``values`` put in; ValueError for a wrong type or a wrong set."""
        clean: dict[str, Any] = {}
        for f in fields(self):
            if f.name not in values:
                continue
            value: Any = values[f.name]
            want: type = type(f.default)
            if want is float and type(value) is int:
                value = float(value)
            if want is tuple and isinstance(value, (list, tuple)):
                value = tuple(str(v) for v in value)
            if want is tuple and type(value) is str:
                raise ValueError(f'{f.name} must be a list: {f.name}:=[{value}], got {value!r}')
            if type(value) is not want:
                raise ValueError(f'{f.name} must be {want.__name__}, '
                                 f'got {type(value).__name__} {value!r}')
            clean[f.name] = value
        return replace(self, **clean)


NODE_PARAMETERS = tuple(f.name for f in fields(NodeOptions))
"""Names of the parameters that only the node has."""


def of_ros(name: str) -> bool:
    """Whether a parameter is one that ROS gives every node, as a dump of ours has it."""
    return (name in ('use_sim_time', 'start_type_description_service')
            or name.startswith('qos_overrides'))
