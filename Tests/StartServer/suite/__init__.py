"""The black-box suite of start_server: a command line, sockets, signals, files and /proc; nothing else."""
