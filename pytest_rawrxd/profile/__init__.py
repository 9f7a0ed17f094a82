"""What is promised: profiles, strictly read, with the place of each number and a lint that does the arithmetic."""

from pytest_rawrxd.profile.criterion import Criterion
from pytest_rawrxd.profile.load import load_profile
from pytest_rawrxd.profile.profile import Profile
from pytest_rawrxd.profile.units import Quantity, convert

__all__ = ["Criterion", "Profile", "Quantity", "convert", "load_profile"]
