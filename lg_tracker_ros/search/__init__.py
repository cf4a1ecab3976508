"""When to search the whole image, and what to believe: the paper's policy, and ours on top."""

from lg_tracker_ros.search.algorithm2 import Algorithm2
from lg_tracker_ros.search.candidate import Candidate, Decision, Place, SearchPolicy
from lg_tracker_ros.search.config import POLICIES, RULES, SearchConfig
from lg_tracker_ros.search.joint import JointPolicy

__all__ = ['Algorithm2', 'Candidate', 'Decision', 'JointPolicy', 'make_policy', 'Place',
           'POLICIES', 'RULES', 'SearchConfig', 'SearchPolicy']


def make_policy(config: SearchConfig, place: Place) -> SearchPolicy:
    """Make the policy that ``config`` names, with a target just seen at ``place``."""
    if config.policy == 'paper':
        return Algorithm2(config, place)
    return JointPolicy(config, place)
