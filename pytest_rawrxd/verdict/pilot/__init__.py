"""What a pilot says about another card: the bounds that its runs support, and what they leave to the base."""

from pytest_rawrxd.verdict.pilot.read import Pilot, pilot

__all__ = ["Pilot", "pilot"]
