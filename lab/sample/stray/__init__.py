"""Components that raise what is no ``Exception``."""
