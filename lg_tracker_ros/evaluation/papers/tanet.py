"""
Figures of the TANet paper (Wang et al., tables III to VIII) and of its conference version.

They were measured by others, with other trackers, on other data: they are never put into one
column with ours. Table VI and VII call the threshold beta2 and the count beta1; here, as in
Algorithm 2, it is the other way round.
"""

from __future__ import annotations

from lg_tracker_ros.evaluation.papers import by_row, Table

OTB100: Table = by_row(
    'SiamFC, PGNet, Ocean, PTAV, SiamRCNN, CREST, THOR, THOR with TANet',
    '.771, .892, .920, .848, .891, .838, .787, .791',
    '.582, .691, .684, .634, .701, .623, .641, .646')
GOT10K: Table = by_row(
    'ROAM, SiamRCNN, D3S, SiamFC, ATOM, RT-MDNet, SiamFC++, SiamFC++ with TANet',
    '.465, .649, .597, .348, .556, .342, .595, .607',
    '.532, .728, .676, .353, .634, .356, .695, .737')
TRACKINGNET: Table = by_row(
    'SiamFC, MDNet, ATOM, SiamRPN++, DiMP, DaSiam-RPN, SiamFC++, SiamFC++ with TANet',
    '.533, .565, .648, .694, .687, .591, .646, .711',
    '.666, .705, .771, .800, .801, .733, .758, .813',
    '.571, .606, .703, .733, .740, .638, .712, .746')
VOT2018LT: Table = by_row(
    'PTAV+, SYT, LTSINT, MMLT, DaSiam-LT, MBMD, SiamRPN++, SiamRPN++ with TANet',
    '.595, .520, .566, .574, .627, .634, .646, .649',
    '.404, .499, .510, .521, .588, .588, .419, .535',
    '.481, .509, .536, .546, .607, .610, .508, .586')
VOT2019LT: Table = by_row(
    'ASINT, CooSiam, Siamfcos-LT, SiamRPNs-LT, mbdet, SiamDW-LT, SiamRPN++, SiamRPN++ with TANet',
    '.520, .566, .574, .627, .634, .649, .627, .628',
    '.499, .510, .521, .588, .588, .609, .399, .437',
    '.509, .536, .546, .607, .610, .629, .488, .515')
"""
Table III, a benchmark each: precision and success; AO and SR.50; precision, normalised precision
and success; precision, recall and F (both VOT-LT).

Its last column is called "Ours" there; which tracker that is differs from row to row. That of
THOR is told by the success of .641 beside it, those of SiamFC++ and SiamRPN++ by Table VIII. The
first five peers on VOT2019-LT have the figures of others on VOT2018-LT.
"""

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
    'SiamFC++': (.595, .607, .695, .737), 'THOR': (.447, .459, .538, .551),
    'SiamRPN++': (.453, .454, .537, .539), 'SiamMask': (.451, .455, .541, .547),
    'DiMP': (.666, .684, .777, .799),
}
"""Table VIII: AO on GOT-10k without and with TANet, and SR.50."""

GENERALISATION_VOT: Table = {
    'RT-MDNet': (.432, .484, .276, .317, .337, .383),
    'THOR': (.593, .600, .339, .452, .432, .516),
    'SiamRPN++': (.646, .649, .419, .535, .508, .586),
    'SiamMask': (.610, .600, .407, .471, .488, .528),
    'DiMP': (.636, .695, .426, .491, .510, .575),
}
"""Table VIII: precision on VOT2018-LT without and with TANet, recall, and F."""

LAMBDAS: Table = {
    'SuperDiMP alone': (.666, .777, .589), '0.1/0.2': (.674, .790, .596),
    '0.3/0.3': (.681, .798, .603), '0.5/0.5': (.684, .799, .599), '0.7/0.7': (.677, .790, .594),
    '0.9/0.9': (.671, .782, .591)}
"""Fig. 7a by its text: AO, SR.50 and SR.75 on GOT-10k."""

FRAMES: Table = {'1': (.598, .533), '2': (.602, .528), '3': (.609, .541)}
"""The conference version's Table 1: frames in the clip; precision and success on VOT2016."""
