"""Many runs of one recipe, whose keys take values of a range: which, in which order, and what they gave."""
