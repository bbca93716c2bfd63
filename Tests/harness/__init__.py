"""What the suites in Python share: processes, checks and their runner, ports, reports."""
