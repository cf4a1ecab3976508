"""
DiMP (Bhat et al. 2019): a filter that is learned while tracking, by a learned optimiser.

Written from the paper and from facts about the released weights; no code of pytracking (GPL-3.0)
was read or taken over.
"""
