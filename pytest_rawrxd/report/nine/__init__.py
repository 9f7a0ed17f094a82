"""The nine documents of phase 3: products of a run directory, in which every number leads to its evidence."""
