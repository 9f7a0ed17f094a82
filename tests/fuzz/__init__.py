"""What fuzzes every reader: targets, mutations and the corpus that the test suite reads for ever."""
