"""The black-box suite of masterd and --workers: a command line, sockets, signals, files and /proc; nothing else."""
