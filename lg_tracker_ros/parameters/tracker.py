"""
Every parameter of the tracker, once: name, default, range, description.

The command line, the ROS node and ``config/tracker.yaml`` all take theirs from here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, Collection, Mapping, Sequence

from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.detections.selection import SELECT, Selection
from lg_tracker_ros.engine import EngineConfig, ENGINES, PRECISIONS
from lg_tracker_ros.files import network_cache
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.mdnet.schedule import RECIPROCATIVE
from lg_tracker_ros.local.online import ATTENTION, ONLINE_MODULES, OnlineConfig
from lg_tracker_ros.local.spec import BACKBONES, CONSTANTS, OWN
from lg_tracker_ros.parameters.description import described, out_of_range, Range, unknown
from lg_tracker_ros.recognition import RECOGNITION
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.search import POLICIES, RULES, SearchConfig


def _p(default: Any, text: str, limits: Range | None = None, choices: Collection[str] = (),
       rebuild: bool = False) -> Any:
    """Describe a parameter; ``rebuild``: a change needs the networks to be made anew."""
    return described(default, text, limits, choices, rebuild=rebuild)


RENAMED = {
    'k': 'max_candidates', 'visible': 'visible_threshold', 'confirm': 'confirm_frames',
    'retry': 'retry_frames', 'threshold': 'attention_threshold', 'weights': 'tracker_weights',
}
"""Names that parameters had before, refused with the name of today."""


def renamed(name: str) -> str:
    """Say, in one line, what the parameter that was called ``name`` is called now."""
    return f'parameter {name!r} is now called {RENAMED[name]!r}'


@dataclass(frozen=True)
class Settings:
    """The tracker's parameters; raises ValueError in one line for a wrong set."""

    tracker: str = _p('pixelwise', 'Local tracker.', choices=LOCAL_TRACKERS, rebuild=True)
    backbone: str = _p('efficientnet_lite0', 'Backbone of the local tracker, or the published '
                       'network that tracker_weights are of; for siamfcpp and siamrpnpp, the '
                       'others take efficientnet_lite0.', choices=BACKBONES, rebuild=True)
    redetector: str = _p('tanet_lite', 'Global re-detection.', choices=REDETECTORS, rebuild=True)
    recognition: str = _p(
        'online', 'What judges whether a box shows the target; online: it learns the looks of '
        'target and rivals; first_look: the first frame alone; online_diverse: as online, but the '
        'looks that last are those that differ most.', choices=RECOGNITION, rebuild=True)
    tracker_weights: str = _p('', 'Weights of the local tracker, a file or the folder that '
                              'training left; empty: those that ship. For opencv_vit the ONNX '
                              'file, for opencv_nano the folder with both ONNX files.',
                              rebuild=True)
    redetector_weights: str = _p('', 'Weights file of the re-detector; empty: those that ship.',
                                 rebuild=True)
    device: str = _p('auto', "'auto', 'cpu', 'cuda' or 'cuda:N'.", rebuild=True)
    engine: str = _p('auto', 'What runs the networks; auto: ONNX Runtime on a CPU, PyTorch on a '
                     'GPU.', choices=ENGINES, rebuild=True)
    precision: str = _p('fp32', 'fp16 needs a GPU.', choices=PRECISIONS, rebuild=True)
    threads: int = _p(1, 'CPU threads of a network; in PyTorch 1 is best beside other '
                      'processes; 0: all cores, which they keep busy, for a machine that does '
                      'nothing else.',
                      Range(0, 64), rebuild=True)
    search_threads: int = _p(
        2, 'CPU threads, where that is more, of all networks at the same time: the whole image '
        'beside the place, several places, several targets. In ONNX Runtime.',
        Range(1, 64), rebuild=True)
    beta1: float = _p(
        SearchConfig.beta1, 'Confidence from which a result is reliable; also what a lost target '
        'must reach to be believed again.', Range(0.01, 1.0))
    beta2: int = _p(
        SearchConfig.beta2, 'Consecutive frames below beta1 after which the whole image is '
        'searched; 0: in every frame, as the conference version.', Range(0, 1000))
    policy: str = _p(
        SearchConfig.policy, 'What decides when to search and what to believe; paper: Algorithm '
        '2 alone.', choices=POLICIES)
    rules: str = _p(
        '+'.join(RULES), f"What joint adds to Algorithm 2: {', '.join(RULES)}, joined by '+'; "
        'none: nothing.')
    visible_threshold: float = _p(
        SearchConfig.visible_threshold, 'Confidence from which a followed target counts as seen, '
        'at most beta1. With the rule hold it is reported until its confidence is half as high, '
        'and once out of view from beta1 on.', Range(0.01, 1.0))
    confirm_frames: int = _p(
        SearchConfig.confirm_frames, 'Frames in a row in which a candidate of a global search '
        'must clear beta1 (the paper: 1), if it is not far clearer.', Range(1, 100))
    retry_frames: int = _p(
        SearchConfig.retry_frames, 'Local frames between two global searches while the target '
        'stays lost.', Range(0, 1000))
    max_candidates: int = _p(
        SearchConfig.max_candidates, 'Candidates of a global search.', Range(1, 64))
    attention_threshold: float = _p(
        5 / 255, 'Attention from which a place is a candidate.', Range(0.0, 1.0), rebuild=True)
    max_size_ratio: float = _p(
        SearchConfig.max_size_ratio, 'How many times larger or smaller than in the first frame a '
        'side may become.', Range(1.0, 100.0))
    max_size_step: float = _p(
        SearchConfig.max_size_step, 'The same from one reliable frame to the next.',
        Range(1.0, 10.0))
    detections_classes: str = _p(
        Selection.classes, 'Of a detector: the classes that count, joined by commas; empty: all.')
    detections_score: float = _p(
        Selection.score, 'Of a detector: the least score that counts.', Range(0.0, 1.0))
    detections_age: float = _p(
        Selection.age, 'Of a detector: seconds by the stamps after which boxes are too old for a '
        'search.', Range(0.0, 60.0))
    select: str = _p(
        Selection.select, 'Which detection becomes the target while there is none, or takes a '
        'free place of several; best: the highest score; nearest: to select_x, select_y; id: '
        'select_id; none: no detection does.',
        choices=SELECT)
    select_id: str = _p(Selection.name, 'The id that the detector gives to the target.')
    select_x: float = _p(
        Selection.x, 'Point in pixels of the image from the left.', Range(-1e5, 1e5))
    select_y: float = _p(
        Selection.y, 'Point in pixels of the image from the top.', Range(-1e5, 1e5))
    online_module: str = _p(
        'none', 'What learns online on top of pixelwise, siamfcpp or siamrpnpp: drol, a '
        'classifier; thor, several templates.', choices=ONLINE_MODULES,
        rebuild=True)
    online_weight: float = _p(
        OnlineConfig.weight, "Weight of drol's score beside the tracker's own where boxes are "
        'compared.', Range(0.0, 1.0), rebuild=True)
    online_attention: str = _p(
        OnlineConfig.attention, "Where drol's attention stands: after its compression, before it, "
        'or nowhere.', choices=ATTENTION, rebuild=True)
    online_template_frames: int = _p(
        OnlineConfig.template_frames, "Accepted frames of which the best gives drol's second "
        'template; 0: none.', Range(0, 1000), rebuild=True)
    reciprocative: float = _p(
        RECIPROCATIVE, "Weight of DAT's loss on what the classifier looks at, for trackers that "
        'learn with it (dat_lite, dat).', Range(0.0, 100.0), rebuild=True)
    penalty_k: float = _p(
        OWN, 'Of siamrpnpp, siamfcpp and siammask: how strongly a change of size and shape counts '
        'against a box; below 0: as published for backbone, as in the next ones. What other files '
        'were published with is in docs/checkpoints.md.', Range(-1.0, 1.0), rebuild=True)
    window_influence: float = _p(
        OWN, 'Of the same: weight of the cosine window, which holds to the last place.',
        Range(-1.0, 1.0), rebuild=True)
    size_rate: float = _p(
        OWN, 'Of the same: rate at which the size follows (lr, test_lr).', Range(-1.0, 1.0),
        rebuild=True)
    mask_threshold: float = _p(
        OWN, "Of siammask: from which a mask's pixel is the target's.", Range(-1.0, 1.0),
        rebuild=True)

    def __post_init__(self) -> None:
        """Check types, choices, ranges and what goes together; whole numbers become floats."""
        for f in fields(self):
            object.__setattr__(self, f.name, _of_type(f.name, getattr(self, f.name),
                                                      type(f.default)))
        wrong = out_of_range(self)
        spec = LOCAL_TRACKERS.get(self.tracker)
        if spec and self.backbone in BACKBONES and self.backbone not in spec.backbones:
            takers = [s.name for s in LOCAL_TRACKERS.values() if self.backbone in s.backbones]
            wrong.append(f'backbone {self.backbone!r} is for the '
                         f'tracker{"s" * (len(takers) > 1)} {" and ".join(takers)} only, '
                         f'tracker is {self.tracker!r}')
        for name in (*CONSTANTS, 'mask_threshold'):
            if spec and name not in spec.parameters and getattr(self, name) >= 0:
                takers = [s.name for s in LOCAL_TRACKERS.values() if name in s.parameters]
                wrong.append(f'{name} is for {", ".join(takers)} only, tracker is '
                             f'{self.tracker!r}')
        if spec and self.online_module != 'none':
            hosts = [s.name for s in LOCAL_TRACKERS.values() if s.host is not None]
            if spec.host is None:
                wrong.append(f'online_module {self.online_module!r} is for the trackers '
                             f'{", ".join(hosts)} only, tracker is {self.tracker!r}')
            if self.engine == 'tensorrt':
                wrong.append(f'online_module {self.online_module!r} runs in PyTorch or ONNX '
                             f'Runtime: engine must be auto, torch or onnx, got {self.engine!r}')
        if wrong:
            raise ValueError('; '.join(wrong))
        self.search()
        self.selection()

    def search(self) -> SearchConfig:
        """Return the search policy's part."""
        rules = frozenset() if self.rules == 'none' else frozenset(self.rules.split('+'))
        same = {f.name: getattr(self, f.name) for f in fields(SearchConfig) if f.name != 'rules'}
        return SearchConfig(**same, rules=rules)

    def selection(self) -> Selection:
        """Return what is taken from a detector."""
        return Selection(self.detections_classes, self.detections_score, self.detections_age,
                         self.select, self.select_id, self.select_x, self.select_y)

    def online(self) -> OnlineConfig:
        """Return the part of what learns on top of the local tracker."""
        return OnlineConfig(self.online_weight, self.online_attention,
                            self.online_template_frames)

    def engine_config(self) -> EngineConfig:
        """
        Return the engine's part, resolved for this machine; ValueError if it can't be had.

        It takes the exported networks that ship, and keeps others in the user's cache.
        """
        return EngineConfig(self.device, self.engine, self.precision, self.threads,
                            SHIPPED_NETWORKS, network_cache(),
                            search_threads=self.search_threads).resolve()

    def needs_rebuild(self, other: Settings) -> bool:
        """Whether going from this to ``other`` needs the networks to be made anew."""
        return any(f.metadata['rebuild'] and getattr(self, f.name) != getattr(other, f.name)
                   for f in fields(self))

    def changed(self, values: Mapping[str, Any], besides: Sequence[str] = ()) -> Settings:
        """
        Return a copy with ``values`` put in; whole numbers are taken for floats.

        ``besides`` are other names that may be meant by a wrong one. Raises ValueError for an
        unknown name, a wrong type or a wrong set.
        """
        known = [f.name for f in fields(self)]
        for name in values:
            if name in RENAMED:
                raise ValueError(renamed(name))
            if name not in known:
                raise ValueError(unknown(name, (*known, *besides)))
        return replace(self, **values)


def _of_type(name: str, value: Any, want: type) -> Any:
    """Return a parameter's value as it is kept, NumPy's numbers as Python's; ValueError else."""
    kind = {float: Real, int: Integral}.get(want, want)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f'{name} must be {want.__name__}, got {type(value).__name__} {value!r}')
    return want(value)
