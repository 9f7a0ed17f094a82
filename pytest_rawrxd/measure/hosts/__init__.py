"""The load of one run from many hosts: a coordinator and workers over Dask `distributed`, extra ``[distributed]``."""
