"""Figures of DROL (Zhou et al., Discriminative and Robust Online Learning, AAAI 2020)."""

from __future__ import annotations

from lg_tracker_ros.evaluation.papers import by_row, Table

OTB2015: Table = by_row(
    'ECO, UPDT, MDNet, ATOM, DiMP, SiamFC, DROL-FC, SiamRPN, DaSiamRPN, SiamRPN++ (AlexNet), '
    'SiamRPN++ (ResNet-50), DROL-RPN (AlexNet), DROL-RPN (ResNet-50)',
    '.910, -, .909, .882, .894, .771, .848, .851, .875, .876, .915, .914, .937',
    '.694, .702, .678, .669, .684, .582, .619, .637, .658, .666, .696, .689, .715')
"""Table 1: precision and success."""

VOT2018LT: Table = by_row(
    'MMLT, DaSiam-LT, MBMD, SiamRPN++, DROL-RPN',
    '.574, .627, .642, .649, .687', '.521, .588, .583, .612, .650')
"""Table 2: precision and recall."""

UAV123: Table = by_row(
    'ECO, SiamRPN, SiamRPN++, ATOM, DiMP, DROL-RPN',
    '.525, .527, .613, .631, .643, .652', '.741, .748, .807, .843, .851, .855')
"""Table 3: success and precision. Its text gives .657 to DROL-RPN."""

TRACKINGNET: Table = by_row(
    'MDNet, ATOM, SPM, SiamRPN++, DiMP, DROL-RPN',
    '.555, .648, .661, .694, .687, .708', '.710, .771, .778, .800, .801, .817',
    '.614, .703, .712, .733, .740, .746')
"""Table 4: precision, normalised precision and success."""

ABLATION: Table = {
    'G1, 0.0, Cmp, -': (.508, .586, .733, .800), 'G1, 0.2, Cmp, -': (.514, .596, .737, .808),
    'G1, 0.4, Cmp, -': (.521, .605, .738, .807), 'G1, 0.6, Cmp, -': (.528, .615, .739, .810),
    'G1, 0.8, Cmp, -': (.532, .619, .743, .814), 'G1, 1.0, Cmp, -': (.525, .612, .740, .811),
    'G2, 0.8, Att-Cmp, -': (.528, .610, .741, .812),
    'G2, 0.8, Cmp-Att, -': (.534, .621, .745, .817),
    'G3, 0.8, Cmp-Att, 1': (.526, .614, .744, .815),
    'G3, 0.8, Cmp-Att, 5': (.537, .624, .746, .817),
    'G3, 0.8, Cmp-Att, 10': (.533, .620, .745, .817), 'G4, 0.0, Cmp, 5': (.513, .592, .738, .805)}
"""
Table 5: success and normalised precision on LaSOT, then on TrackingNet.

By group, weight of the online score, modules (compression, attention before or after it), and
frames from one short-term template to the next (-: none). By its text, G4 has the online score
guide the template alone; the host's score ranks the boxes.
"""
