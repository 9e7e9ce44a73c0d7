"""What a user can see of the work: reports, stages, pictures, profiles, details of errors.

Nothing that computes imports from here at the start; each part is loaded when it is asked for.
"""
