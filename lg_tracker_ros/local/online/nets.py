"""The networks of the hosts in their parts (see host.OpenNet)."""

from __future__ import annotations

from dataclasses import dataclass

from lg_tracker_ros.local.online.host import Maps, Template
from lg_tracker_ros.local.pixelwise_net import SearchNet
from lg_tracker_ros.local.siamese.siamfcpp_published import doubled, PublishedNet
from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNNet, target_scores
from lg_tracker_ros.types import Box
from lg_tracker_ros.vision.cells import inside_cells
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class OpenPixelwise:
    """``pixelwise``; a classifier learns on the backbone's map of stride 16, 112 channels."""

    module: SearchNet

    def features(self, images: Tensor) -> Maps:
        """Run the backbone."""
        return list(self.module.backbone(normalize(images)))

    def learnable(self, maps: Maps) -> Tensor:
        """Take the coarser map."""
        return maps[1]

    def template(self, maps: Maps, box: Box) -> Template:
        """Make kernels and the means of target and surround."""
        inside = torch.from_numpy(inside_cells(box)[None, None]).to(maps[1].device)
        return self.module.head.template(maps[1], inside)

    def match(self, maps: Maps, template: Template) -> tuple[Tensor, Tensor]:
        """Run the heads."""
        cls, quality, ltrb = self.module.head(*maps, *template)
        return torch.sigmoid(torch.stack([cls, quality], dim=1)), ltrb


@dataclass(frozen=True, eq=False)
class OpenSiamFCpp:
    """``siamfcpp``; a classifier learns on what the classification branch correlates with."""

    module: SiamFCppNet

    def features(self, images: Tensor) -> Maps:
        """Run the backbone."""
        return self.module.features(images)

    def learnable(self, maps: Maps) -> Tensor:
        """Adjust the levels as the classification does."""
        out: Tensor = self.module.cls.adjust(maps)
        return out

    def template(self, maps: Maps, box: Box) -> Template:
        """Make the two kernels."""
        return self.module.kernels(maps)

    def match(self, maps: Maps, template: Template) -> tuple[Tensor, Tensor]:
        """Run both branches."""
        cls, quality, ltrb = self.module.match(maps, *template)
        return torch.sigmoid(torch.stack([cls, quality], dim=1)), ltrb


@dataclass(frozen=True, eq=False)
class OpenPublished:
    """``siamfcpp`` as published; a classifier learns on what the classification correlates."""

    module: PublishedNet

    def features(self, images: Tensor) -> Maps:
        """Run the backbone."""
        return [self.module.features(images)]

    def learnable(self, maps: Maps) -> Tensor:
        """Adjust the map as the classification does."""
        out: Tensor = self.module.c_x(maps[0])
        return out

    def template(self, maps: Maps, box: Box) -> Template:
        """Make the two kernels."""
        return self.module.c_z_k(maps[0]), self.module.r_z_k(maps[0])

    def match(self, maps: Maps, template: Template) -> tuple[Tensor, Tensor]:
        """Run both towers."""
        cls, center, ltrb = self.module.match(maps[0], *template)
        return doubled(cls, center), ltrb


@dataclass(frozen=True, eq=False)
class OpenSiamRPN:
    """
    ``siamrpnpp``; a classifier learns on the plain mean of the necks' maps, as DROL does.

    Where these differ in channels (resnet50_lt) it learns on the first, as DROL does, too.
    """

    module: SiamRPNNet

    def features(self, images: Tensor) -> Maps:
        """Run backbone and neck; PySOT's weights want BGR, 0-255."""
        return self.module.features(images.permute(0, 3, 1, 2).float())

    def learnable(self, maps: Maps) -> Tensor:
        """Take the mean of the levels, or the first."""
        if len({m.shape[1] for m in maps}) > 1:
            return maps[0]
        return torch.stack(list(maps)).mean(0)

    def template(self, maps: Maps, box: Box) -> Template:
        """Make the kernels of every level: of classification and of regression, in turn."""
        return tuple(k for pair in self.module.rpn_head.template(maps) for k in pair)

    def match(self, maps: Maps, template: Template) -> tuple[Tensor, Tensor]:
        """Run the head."""
        cls, loc = self.module.rpn_head(list(zip(template[::2], template[1::2])), maps)
        return target_scores(cls), loc
