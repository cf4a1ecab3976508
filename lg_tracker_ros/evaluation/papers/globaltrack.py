"""Figures of GlobalTrack (Huang et al., AAAI 2020); the paper prints them in percent."""

from __future__ import annotations

from lg_tracker_ros.evaluation.papers import by_row, Table

PROPOSALS: Table = by_row(
    'AR@1, AR@10, AR@100, AR@500, AR@2000', '11.3, 40.5, 84.9, 94.8, 97.8',
    '12.9, 43.3, 82.6, 93.8, 97.5', '67.1, 91.9, 97.4, 98.8, 99.2', scale=100)
"""Table 1, on OTB-2015: RPN, GA-RPN and QG-RPN, by the number of proposals."""

STAGES: Table = by_row(
    'AR@1, AR@5, AR@10, AR@100, AR@512', '67.1, 87.1, 91.9, 97.4, 98.8',
    '76.6, 82.5, 85.9, 97.4, 98.9', scale=100)
"""Table 2, on OTB-2015: QG-RPN and QG-RCNN."""

QUERIES: Table = by_row(
    'single-query, cross-query', '49.3, 52.7', '55.7, 59.9', '49.5, 52.1', scale=100)
"""Table 3, on LaSOT: precision, normalised precision and success, by the loss."""

TLP: Table = by_row(
    'LCT, ECO, ADNet, MDNet, MBMD, SiamRPN, ATOM, SPLT, GlobalTrack',
    '8.7, 21.9, 22.1, 42.3, 48.1, 51.5, 47.5, 52.7, 63.8',
    '9.9, 20.2, 22.3, 37.0, -, -, -, -, 52.0',
    '7.2, 21.2, 20.3, 38.4, -, -, -, -, 55.6', scale=100)
"""Table 4: SR.50, success and precision."""

TRACKINGNET: Table = by_row(
    'CFNet, MDNet, ECO, UPDT, DaSiamRPN, SiamRPN++, C-RPN, ATOM, GlobalTrack',
    '53.3, 56.5, 49.2, 55.7, 59.1, 69.4, 61.9, 64.8, 65.6',
    '65.4, 70.5, 61.8, 70.2, 73.3, 80.0, 74.6, 77.1, 75.4',
    '57.8, 60.6, 55.4, 61.1, 63.8, 73.3, 66.9, 70.3, 70.4', scale=100)
"""Table 5: precision, normalised precision and success."""

OXUVA_TEST: Table = by_row(
    'ECO-HC, MDNet, TLD, LCT, SINT, SiamFC+R, EBT, DaSiam_LT, MBMD, SPLT, GlobalTrack',
    '31.4, 34.3, 43.1, 39.6, 32.6, 45.4, 28.3, 41.5, 54.4, 62.2, 60.3',
    '39.5, 47.2, 20.8, 29.2, 42.6, 42.7, 32.1, 68.9, 60.9, 49.8, 57.4',
    '0.0, 0.0, 89.5, 53.7, 0.0, 48.1, 0.0, 0.0, 48.5, 77.6, 63.3', scale=100)
OXUVA_DEV: Table = by_row(
    'ECO-HC, MDNet, TLD, LCT, SINT, SiamFC+R, GlobalTrack',
    '26.6, 32.4, 36.6, 31.7, 30.3, 39.7, 63.9', '28.3, 42.1, 14.1, 22.7, 26.8, 35.4, 55.8',
    '0.0, 0.0, 94.9, 43.2, 0.0, 43.8, 73.2', scale=100)
"""Tables 6 and 7: MaxGM, TPR and TNR."""
