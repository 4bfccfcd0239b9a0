"""The nouns of the system tests; see scenario.py for the test's own, `t`."""

from .marks import alone, deadline, sanitize, sanitized
from .rounds import rounds
from .wait import Timeout, until

__all__ = ["Timeout", "alone", "deadline", "rounds", "sanitize", "sanitized", "until"]
