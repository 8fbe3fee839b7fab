"""Admission control: authentication and limits, before a request is parsed or served."""
