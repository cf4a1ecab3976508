"""
The node's own parameters, once: name, default, range, description. Imports no ROS.

The tracker's parameters are those of ``tracker.Settings``; a parameter file holds both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Mapping, Sequence

from lg_tracker_ros.media.formats import CAMERA_FORMATS, FORMATS
from lg_tracker_ros.parameters.description import described, out_of_range, Range
from lg_tracker_ros.parameters.tracker import Settings

TRANSPORTS = ('auto', 'raw', 'compressed', 'ffmpeg')
RELIABILITIES = ('auto', 'reliable', 'best_effort')
ALIGNMENTS = ('auto', 'registered', 'separate')


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
    world: bool = _p(
        False, 'Publish where the target is beyond the image: ~/bearing and ~/image_error, with '
        'depth_topics ~/target_pose, and ~/prediction while it is not seen (docs/world.md).',
        when='while the node is not active')
    camera_info_topics: tuple[str, ...] = _p(
        ('auto',), 'CameraInfo topics, one for each image topic; auto: camera_info beside it.',
        when='while the node is not active')
    images_rectified: bool = _p(
        False, 'Whether the images have been undistorted: P of CameraInfo counts, not K and D.',
        when='while the node is not active')
    depth_topics: tuple[str, ...] = _p(
        ('',), 'Topics of depth images, raw 16UC1 or 32FC1, one for each image topic; empty: '
        'none.', when='while the node is not active')
    depth_info_topics: tuple[str, ...] = _p(
        ('auto',), 'CameraInfo topics of the depth cameras, where depth is not registered.',
        when='while the node is not active')
    depth_alignment: str = _p(
        'auto', 'Whether depth images lie on the images pixel by pixel; auto: where both have '
        'the same frame_id. separate needs CameraInfo of the depth camera, and /tf_static.',
        choices=ALIGNMENTS, when='while the node is not active')
    depth_tolerance: float = _p(
        0.02, 'Seconds that the stamps of an image and of its depth image may differ.',
        Range(0.0, 1.0))
    target_frame: str = _p(
        '', 'TF frame of the target, published with ~/target_pose; empty: none. Two trackers '
        'need two names.', when='while the node is not active')
    prediction_seconds: float = _p(
        2.0, 'How long ~/prediction is published after the target was last seen; 0: not at all.',
        Range(0.0, 60.0))
    asynchronous_search: bool = _p(
        False, 'Search the whole image in a second thread while the frames go on; what it finds '
        'is looked at in the newest frame. Never with lockstep.',
        when='while the node is not active')
    image_transport: str = _p(
        'auto', 'Where the images of image_topics are: raw on the topic itself, compressed or '
        'ffmpeg (H.264, H.265) on the topic beside it; auto: the first of these that is '
        'published.', choices=TRANSPORTS, when='while the node is not active')
    click_topic: str = _p(
        '', 'Clicks into the image of RViz or rqt_image_view that choose the target '
        '(geometry_msgs/PointStamped or Point, in pixels); empty: none.',
        when='while the node is not active')
    click_size: float = _p(
        0.0, 'Side in pixels of the square around a click; 0: two clicks are opposite corners.',
        Range(0.0, 10000.0))
    annotations: bool = _p(
        False, 'Publish the box on ~/annotations (visualization_msgs/ImageMarker) for Foxglove.',
        when='while the node is not active')

    ui: bool = _p(
        False, 'Serve a page for the browser: picture, curve, a box to draw (docs/ui.md). Needs '
        'aiohttp.', when='while the node is not active')
    ui_host: str = _p(
        '127.0.0.1', 'Address that the page is served on, 0.0.0.0: all of this machine. Any but '
        'its own needs the token, which the log shows.', when='while the node is not active')
    ui_port: int = _p(
        8080, 'Port of the page; 0: one that is free.', Range(0, 65535),
        when='while the node is not active')
    ui_token: str = _p(
        '', 'What viewers must know, at least 12 characters; empty: made anew at each activation '
        'where it is needed.', when='while the node is not active')
    bond: bool = _p(
        False, "Keep a bond (bond/msg/Status on bond) while the node is active, for nav2's "
        'lifecycle manager. Needs the package bond.', when='while the node is not active')

    targets: int = _p(
        1, 'Targets that are followed at most, each with its own topics and services '
        '(docs/targets.md).', Range(1, 8), when='at start')
    targets_every: int = _p(
        1, 'Of several targets the first is looked at in every image, each other in every n-th, '
        'in turn: that much less they cost.', Range(1, 10), when='while the node is not active')

    def __post_init__(self) -> None:
        """Check choices and ranges."""
        wrong = out_of_range(self)
        if not self.ui_host:
            wrong.append("ui_host must be an address, 127.0.0.1 say, got ''")
        topics = self.image_topics
        if not topics or not all(topics):
            wrong.append(f'image_topics must name at least one topic, got {list(topics)}')
        if len(set(topics)) != len(topics):
            wrong.append(f'image_topics must differ from each other, got {list(topics)}')
        formats = self.compressed_formats
        if not formats or not set(formats) <= set(FORMATS):
            wrong.append(f'compressed_formats must be of {", ".join(FORMATS)}, '
                         f'got {list(formats)}')
        for name in ('camera_info_topics', 'depth_topics', 'depth_info_topics'):
            given = getattr(self, name)
            if given not in (('auto',), ('',)) and len(given) != len(topics):
                wrong.append(f'{name} must be one for each of the {len(topics)} image_topics, '
                             f'got {list(given)}')
            if name != 'depth_topics' and '' in given:
                wrong.append(f"{name} must name topics or be ['auto'], got {list(given)}")
        if wrong:
            raise ValueError('; '.join(wrong))

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that is named."""
        others = (self.detections_topic, self.click_topic, *self.camera_info_topics,
                  *self.depth_topics, *self.depth_info_topics)
        return (*self.image_topics, *(t for t in others if t not in ('', 'auto')))

    def for_each_camera(self, name: str) -> tuple[str, ...]:
        """Return a list of topics, one for each of ``image_topics``."""
        given: tuple[str, ...] = getattr(self, name)
        return given if len(given) == len(self.image_topics) else given * len(self.image_topics)

    def fixed(self, other: NodeOptions) -> list[str]:
        """Name what differs from ``other`` and can't be changed while the node is active."""
        return [f.name for f in fields(self) if f.metadata['when'].startswith('while')
                and getattr(self, f.name) != getattr(other, f.name)]

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


NEEDS = {
    'world': ('camera_info_topics', 'images_rectified', 'depth_topics', 'depth_info_topics',
              'depth_alignment', 'depth_tolerance', 'target_frame', 'prediction_seconds'),
    'detections_topic': ('detections_camera', 'detections_classes', 'detections_score',
                         'detections_age', 'select', 'select_id', 'select_x', 'select_y'),
    'click_topic': ('click_size',), 'ui': ('ui_host', 'ui_port', 'ui_token'),
    'targets': ('targets_every',),
    'online_module': ('online_weight', 'online_attention', 'online_template_frames')}
"""Parameters that are about a part, by the one that turns the part on."""


def without_effect(options: NodeOptions, settings: Settings) -> list[str]:
    """Say, in a line for each part that is off, which values were changed that it alone reads."""
    changed = {f.name for values in (options, settings) for f in fields(values)
               if getattr(values, f.name) != f.default}
    lost = {part: [n for n in names if n in changed]
            for part, names in NEEDS.items() if part not in changed}
    lines = [f'{", ".join(names)}: without effect, for {part} is not set'
             for part, names in lost.items() if names]
    if options.lockstep and options.asynchronous_search:
        lines.append('asynchronous_search: without effect, for lockstep is set')
    return lines


NODE_PARAMETERS = tuple(f.name for f in fields(NodeOptions))
"""Names of the parameters that only the node has."""


def of_ros(name: str) -> bool:
    """Whether a parameter is one that ROS gives every node, as a dump of ours has it."""
    return (name in ('use_sim_time', 'start_type_description_service')
            or name.startswith('qos_overrides'))
