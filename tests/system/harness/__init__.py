"""The nouns of the system tests; see scenario.py for the test's own, `t`."""

from .marks import alone, deadline, sanitize, sanitized
from .wait import Timeout, until

__all__ = ["Timeout", "alone", "deadline", "sanitize", "sanitized", "until"]
