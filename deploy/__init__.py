"""Deploys the service: `python3 -m deploy` is `make deploy`, `python -m deploy.local` is `make up`.

Standard library only (but for `local`), so that it runs before anything is installed.
"""
