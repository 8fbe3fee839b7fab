"""What every contender of the comparison serves: the same names, arguments and answers."""
