"""The suite's prompts, discovered like any other package of prompts."""
