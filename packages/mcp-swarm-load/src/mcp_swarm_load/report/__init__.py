"""A run as one document, and every form in which it is shown."""
