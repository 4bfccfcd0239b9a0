"""The lab: load and origins that write down every request, and the checker that compares them.

tests/faults and bench/failover use it; it needs tests/system on sys.path for its harness.
"""

from .checker import Checker
from .load import Kind, Load, MIX
from .origin import Origin

__all__ = ["Checker", "Kind", "Load", "MIX", "Origin"]
