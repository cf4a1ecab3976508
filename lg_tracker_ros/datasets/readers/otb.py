"""
OTB (Wu, Lim and Yang, Object Tracking Benchmark, TPAMI 2015), as its archives unpack.

    NAME/groundtruth_rect.txt   x,y,w,h a line, with commas, tabs or spaces; 1-based
    NAME/img/0001.jpg ...

Two targets (Jogging, Skating2) have groundtruth_rect.1.txt and .2.txt and become Jogging.1 and
Jogging.2. An empty file is left out, so Human4 has one target, as in the got10k toolkit. OTB
labels no absence: a row without an area leaves its frame unlabelled.
"""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.datasets.readers.files import (
    find_folders,
    find_images,
    folder_name,
    frame_number,
)
from lg_tracker_ros.datasets.readers.text import (
    columns,
    make_sequence,
    read_rows,
    read_text,
    to_truth,
)
from lg_tracker_ros.datasets.sequence import LabelledSequence

EXPECTS = 'NAME/groundtruth_rect.txt with 4 columns and NAME/img/'

# The frames, by number, that the labels are for, where a folder may hold more: the benchmark's
# own list. BlurCar's archives begin at these numbers. All 354 frames of Tiger1 are labelled and
# used, as in TB-100; the benchmark of 2013 began at frame 6.
FRAMES = {'BlurCar1': (247, 988), 'BlurCar3': (3, 359), 'BlurCar4': (18, 397),
          'David': (300, 770), 'Diving': (1, 215), 'Football1': (1, 74), 'Freeman3': (1, 460),
          'Freeman4': (1, 283), 'Tiger1': (1, 354)}

# The benchmark's attributes: illumination, scale, occlusion, deformation, motion blur, fast
# motion, in-plane and out-of-plane rotation, out of view, background clutter, low resolution.
ATTRIBUTES = {name: tuple(tags) for name, *tags in map(str.split, """
Basketball IV OCC DEF OPR BC; Biker SV OCC MB FM OPR OV LR; Bird1 DEF FM OV; Bird2 OCC DEF FM
IPR OPR; BlurBody SV DEF MB FM IPR; BlurCar1 MB FM; BlurCar2 SV MB FM; BlurCar3 MB FM; BlurCar4
MB FM; BlurFace MB FM IPR; BlurOwl SV MB FM IPR; Board SV MB FM OPR OV BC; Bolt OCC DEF IPR
OPR; Bolt2 DEF BC; Box IV SV OCC MB IPR OPR OV BC LR; Boy SV MB FM IPR OPR; Car1 IV SV MB FM BC
LR; Car2 IV SV MB FM BC; Car24 IV SV BC; Car4 IV SV; CarDark IV BC; CarScale SV OCC FM IPR OPR;
ClifBar SV OCC MB FM IPR OV BC; Coke IV OCC FM IPR OPR BC; Couple SV DEF FM OPR BC; Coupon OCC
BC; Crossing SV DEF FM OPR BC; Crowds IV DEF BC; Dancer SV DEF IPR OPR; Dancer2 DEF; David IV
SV OCC DEF MB IPR OPR; David2 IPR OPR; David3 OCC DEF OPR BC; Deer MB FM IPR BC LR; Diving SV
DEF IPR; Dog SV DEF OPR; Dog1 SV IPR OPR; Doll IV SV OCC IPR OPR; DragonBaby SV OCC MB FM IPR
OPR OV; Dudek SV OCC DEF FM IPR OPR OV BC; FaceOcc1 OCC; FaceOcc2 IV OCC IPR OPR; Fish IV;
FleetFace SV DEF MB FM IPR OPR; Football OCC IPR OPR BC; Football1 IPR OPR BC; Freeman1 SV IPR
OPR; Freeman3 SV IPR OPR; Freeman4 SV OCC IPR OPR; Girl SV OCC IPR OPR; Girl2 SV OCC DEF MB
OPR; Gym SV DEF IPR OPR; Human2 IV SV MB OPR; Human3 SV OCC DEF OPR BC; Human4 IV SV OCC DEF;
Human5 SV OCC DEF; Human6 SV OCC DEF FM OPR OV; Human7 IV SV OCC DEF MB FM; Human8 IV SV DEF;
Human9 IV SV DEF MB FM; Ironman IV SV OCC MB FM IPR OPR OV BC LR; Jogging OCC DEF OPR; Jump SV
OCC DEF MB FM IPR OPR; Jumping MB FM; KiteSurf IV OCC IPR OPR; Lemming IV SV OCC FM OPR OV;
Liquor IV SV OCC MB FM OPR OV BC; Man IV; Matrix IV SV OCC FM IPR OPR BC; Mhyang IV DEF OPR BC;
MotorRolling IV SV MB FM IPR BC LR; MountainBike IPR OPR BC; Panda SV OCC DEF IPR OPR OV LR;
RedTeam SV OCC IPR OPR LR; Rubik SV OCC IPR OPR; Shaking IV SV IPR OPR BC; Singer1 IV SV OCC
OPR; Singer2 IV DEF IPR OPR BC; Skater SV DEF IPR OPR; Skater2 SV DEF FM IPR OPR; Skating1 IV
SV OCC DEF OPR BC; Skating2 SV OCC DEF FM OPR; Skiing IV SV DEF IPR OPR; Soccer IV SV OCC MB FM
IPR OPR BC; Subway OCC DEF BC; Surfer SV FM IPR OPR LR; Suv OCC IPR OV; Sylvester IV IPR OPR;
Tiger1 IV OCC DEF MB FM IPR OPR; Tiger2 IV OCC DEF MB FM IPR OPR OV; Toy SV FM IPR OPR; Trans
IV SV OCC DEF; Trellis IV SV IPR OPR BC; Twinnings SV OPR; Vase SV FM IPR; Walking SV OCC DEF;
Walking2 SV OCC LR; Woman IV SV OCC DEF MB FM OPR
""".split(';'))}


def _label_files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.glob('groundtruth_rect*.txt')) if read_text(p).strip()]


def _fits(folder: Path) -> bool:
    files = _label_files(folder)
    # TLP's file has the same name and six columns
    return bool(files) and columns(files[0]) != 6


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a sequence of OTB or holds one."""
    return next(find_folders(folder, _fits), None) is not None


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read OTB's folder, or one sequence's.

    Raises ValueError, naming file and line, for missing images, an odd row or a number of
    images that doesn't match.
    """
    found = []
    for place in find_folders(folder, _fits):
        files = _label_files(place)
        base = folder_name(place)
        images = find_images(place / 'img')
        if base in FRAMES:
            first, last = FRAMES[base]
            images = [p for p in images if first <= frame_number(p) <= last] or images
        for labels in files:
            name = base if len(files) == 1 else base + labels.stem.removeprefix('groundtruth_rect')
            found.append(make_sequence(labels, name, to_truth(read_rows(labels), base=1), images,
                                       source=f'OTB/{base}', attributes=ATTRIBUTES.get(base, ())))
    return sorted(found, key=lambda s: s.name)
