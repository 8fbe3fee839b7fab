"""The example prompts."""
