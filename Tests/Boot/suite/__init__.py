"""Boots Debian's inits with the package installed, and tries what an administrator does."""
