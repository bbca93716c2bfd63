"""What deployment.py consists of."""
