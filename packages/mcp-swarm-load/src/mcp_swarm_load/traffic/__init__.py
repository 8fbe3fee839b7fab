"""What is sent, by whom, and how each answer is judged."""
