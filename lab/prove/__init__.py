"""The proofs: one module for each claim, run by ``make prove``; CI runs their short form."""
