"""The outside conformance suite: it knows a command line, /proc, signals, a pid file and a log file; nothing else."""
