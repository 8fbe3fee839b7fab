"""A copy of the template: what a team that starts a service of its own has, and nothing of ours.

    python -m lab.copy FOLDER

The library is in vendor/ as wheels, so that the copy needs no index for it; they go into its image.
"""
