"""The lab: load and origins that write down every request, and the checker that compares them.

tests/faults and bench/failover use it; it needs tests/system on sys.path for its harness.
"""

from .checker import Checker
from .load import CALLS, MIX, TCP, WEBSOCKET, Kind, Load
from .origin import Origin
from .wall import Wall
from .way import Way

__all__ = ["CALLS", "Checker", "Kind", "Load", "MIX", "Origin", "TCP", "WEBSOCKET", "Wall",
           "Way"]
