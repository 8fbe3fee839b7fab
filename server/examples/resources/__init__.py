"""The example resources."""
