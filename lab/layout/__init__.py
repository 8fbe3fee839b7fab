"""The keys in Redis of each release: what they are called, and data that later code must still serve."""
