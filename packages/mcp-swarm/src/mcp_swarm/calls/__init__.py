"""What stands around a call: its time limit, its turn, what its caller does not get."""
