"""What tools reach outside, and what keeps them unharmed by it."""
