"""What each metric's criterion gets as an answer: evidence in, a finding out, one module a metric."""
