"""The examples: delete this folder when you no longer need it; nothing else names it."""
