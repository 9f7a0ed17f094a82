"""The GPUs of this machine and the right to use one."""

from pytest_rawrxd.rig.gpu.detect import Gpu, find_gpus
from pytest_rawrxd.rig.gpu.lease import lease

__all__ = ["Gpu", "find_gpus", "lease"]
