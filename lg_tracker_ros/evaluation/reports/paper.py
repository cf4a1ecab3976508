"""
Figures of the TANet paper (Wang et al., tables IV to VIII), to stand beside ours.

They were measured by others, with other trackers, on other data: they are never put into one
column with ours. Table VI and VII call the threshold beta2 and the count beta1; here, as in
Algorithm 2, it is the other way round. Table III's columns for VOT2019-LT are left out: its
comparisons repeat those of VOT2018-LT.
"""

from __future__ import annotations

from typing import Mapping, Sequence

Table = Mapping[str, Sequence[float]]

ABLATION: Table = {
    'baseline (SiamRPN++, AlexNet)': (.508,), '+C3D, BCE': (.542,), '+ResNet, BCE': (.565,),
    '+C3D +ResNet, BCE': (.572,), 'and appearance discriminator': (.575,),
    'and motion discriminator': (.577,), 'and both': (.579,),
    'and both, more training data': (.586,),
}
"""
Table IV: F on VOT2018-LT.

The paper's text gives .586 to the row that its table lists at .579, and its Fig. 8 calls the
network of ResNet alone Algorithm-1, a name that section IV-D has for that of C3D alone.
"""

EFFICIENCY: Table = {
    'SiamRPN++ (AlexNet)': (259, 134), 'SiamRPN++ (ResNet-50)': (47, 35),
    'DiMP (ResNet-50)': (31, 29), 'RT-MDNet (3 convolutions)': (50, 44),
    'SiamFC++ (GoogLeNet)': (103, 62),
}
"""Table V: frames a second on OTB2015 without and with TANet, on a GPU."""

BETA2_GOT10K: Table = {'4': (.450,), '6': (.453,), '8': (.455,), '10': (.455,), '12': (.454,)}
BETA1_GOT10K: Table = {
    '0.6': (.451,), '0.7': (.451,), '0.8': (.455,), '0.9': (.456,), '0.95': (.453,)}
"""Table VI: AO on GOT-10k."""

BETA2_VOT: Table = {'7': (.510,), '9': (.507,), '11': (.515,), '13': (.522,), '15': (.510,)}
BETA1_VOT: Table = {
    '0.6': (.515,), '0.7': (.516,), '0.8': (.515,), '0.85': (.515,), '0.9': (.509,)}
"""Table VII: F on VOT2018-LT."""

GENERALISATION_GOT10K: Table = {
    'SiamFC++': (.595, .607), 'THOR': (.447, .459), 'SiamRPN++': (.453, .454),
    'SiamMask': (.451, .455), 'DiMP': (.666, .684),
}
GENERALISATION_VOT: Table = {
    'RT-MDNet': (.337, .383), 'THOR': (.432, .516), 'SiamRPN++': (.508, .586),
    'SiamMask': (.488, .528), 'DiMP': (.510, .575),
}
"""Table VIII: AO on GOT-10k and F on VOT2018-LT, without and with TANet."""
