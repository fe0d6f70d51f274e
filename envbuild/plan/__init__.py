"""The plan of an image: which artifacts share a layer, in which order layers stand, and who wins where two differ."""

from envbuild.plan.arranging import Group, GroupKind, Plan, arrange, ladder
from envbuild.plan.conflicts import Conflict, find_conflicts

__all__ = ["Conflict", "Group", "GroupKind", "Plan", "arrange", "find_conflicts", "ladder"]
