"""The service whose keys are recorded."""
