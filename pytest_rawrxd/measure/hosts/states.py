"""What can become of a load worker in one run, as its record says it."""

WORKER = "load.worker"  #: the kind of its record

WHOLE = "whole"  #: everything that its share asked for came back; requests that failed are part of it
DIED = "died"
LAGGED = "lagged"
FAILED = "failed"
IDLE = "without a share"  #: fewer streams than workers
LATE = "joined late"  #: after the workers were counted
