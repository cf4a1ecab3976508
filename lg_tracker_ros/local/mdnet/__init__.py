"""
MDNet (Nam & Han 2016) and its kin: a classifier of boxes that is learned while tracking.

RT-MDNet (Jung et al. 2018), DAT (Pu et al. 2018) and the conference version of TANet (Wang et al.
2019), written from the papers and from facts about their authors' code; none of it was taken over.
"""
