"""Figures of DAT (Pu et al., Deep Attentive Tracking via Reciprocative Learning, NeurIPS 2018)."""

from __future__ import annotations

from lg_tracker_ros.evaluation.papers import by_row, Table

WEIGHT: Table = by_row(
    '0, 1, 2, 3, 4, 5, 6, 7, 8',
    '.911, .917, .936, .941, .940, .944, .938, .929, .911',
    '.671, .688, .694, .704, .704, .704, .701, .695, .684')
"""Table 1: by the weight of its loss, precision at 20 px and success on OTB-2013."""

ATTENTION: Table = {
    'baseline': (.911, .671), 'attentive features': (.932, .686),
    'attentive classifier': (.944, .704)}
"""Table 2: the same for what attention is used for."""

PEERS = 'DAT, CCOT, CREST, MDNet, MCPF, ADNet, BACF, SINT, SRDCFD, ACFN'
OTB2013: Table = by_row(
    PEERS, '7.85, 15.58, 10.22, 13.05, 11.19, 13.79, 26.20, 11.85, 29.51, 18.69',
    '.913, .837, .860, .849, .858, .836, .840, .816, .814, .750')
OTB2015: Table = by_row(
    PEERS, '12.42, 13.99, 21.19, 16.87, 20.86, 14.65, 28.10, 25.75, 31.52, 25.14',
    '.848, .823, .776, .806, .780, .802, .776, .719, .766, .686')
"""Table 3: mean centre error in pixels, and the share of frames with IoU above .5."""

VOT2016: Table = by_row(
    'DAT, CCOT, Staple, MDNet, EBT, DSRDCF, SiamFC',
    '.320, .331, .295, .257, .291, .276, .277', '1.47, 1.98, 1.87, 1.72, 3.62, 2.12, 1.30',
    '2.10, 1.95, 3.23, 2.80, 2.13, 2.82, 3.17')
"""Table 4: EAO, accuracy rank and robustness rank."""
